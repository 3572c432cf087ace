/** A route's answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** In addition to those of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Routes take no parameters, so what a request costs is known. */
export type Route = () => Answer | Promise<Answer>;

export function json(status: number, value: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n`, headers };
}
