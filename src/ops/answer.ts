/** What a route answers. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Beside those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** No route takes parameters: what may be asked is fixed, and so is what it costs. */
export type Route = () => Answer | Promise<Answer>;

export function json(status: number, value: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n`, headers };
}
