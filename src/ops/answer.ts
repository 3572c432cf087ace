/** A route's answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** In addition to those of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route is given of its request: the two parts of its target that vary, still percent-encoded. */
export interface OpsRequest {
  /** What the request has in place of the path's `{id}`; empty for a path without one. */
  readonly parameter: string;
  /** What follows the `?`. */
  readonly query: string;
}

/** What a request costs is bounded by the route. */
export type Route = (request: OpsRequest) => Answer | Promise<Answer>;

export function json(status: number, value: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n`, headers };
}
