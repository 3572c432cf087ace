import type { OpsRequest, Route } from './answer.ts';

export interface FoundRoute {
  readonly route: Route;
  /** As the route was declared, so that a log line never holds what a client sent. */
  readonly path: string;
  readonly request: OpsRequest;
}

const PARAMETER = '{id}';

/**
 * Finds the route of a request. Nothing is decoded here: a path either is one of the declared ones, byte for byte, or begins
 * with the declared text before its `{id}`, which then stands for all the rest, slashes included.
 */
export class Router {
  readonly paths: readonly string[];
  readonly #routes: ReadonlyMap<string, Route>;

  constructor(routes: Readonly<Record<string, Route>>) {
    this.#routes = new Map(Object.entries(routes));
    this.paths = [...this.#routes.keys()];
  }

  /** `target`: the path and the query of the request line. Null where no route has this path. */
  find(target: string): FoundRoute | null {
    const end = target.indexOf('?');
    const path = end === -1 ? target : target.slice(0, end);
    const query = end === -1 ? '' : target.slice(end + 1);
    for (const [declared, route] of this.#routes) {
      const parameter = parameterOf(declared, path);
      if (parameter !== null) return { route, path: declared, request: { parameter, query } };
    }
    return null;
  }
}

/** Null where the path is another one than the declared one. */
function parameterOf(declared: string, path: string): string | null {
  if (!declared.endsWith(PARAMETER)) return path === declared ? '' : null;
  const before = declared.slice(0, -PARAMETER.length);
  return path.startsWith(before) && path.length > before.length ? path.slice(before.length) : null;
}
