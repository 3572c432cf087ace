import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Service } from '../lifecycle/service.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { type Answer, json, type Route } from './answer.ts';
import { Connections } from './connections.ts';
import { ListenError } from './listen-error.ts';
import { Router } from './router.ts';

export interface OpsServerOptions {
  readonly host: string;
  /** 0: any free port, which ops.listening then has. */
  readonly port: number;
  /** By path; one that ends with `/{id}` has a parameter. */
  readonly routes: Readonly<Record<string, Route>>;
}

/** Bounds for every client: well above what probes and scrapers need. */
const CONNECTIONS_MAX = 100;
const REQUEST_TIMEOUT_MS = 5_000;
/** How long a client may take to read its answer, which is in memory until then. Not restarted by what it reads. */
const ANSWER_READ_WITHIN_MS = 10_000;
const HEADER_BYTES_MAX = 8_192;
/** How long a current request may still take at a stop. */
const DRAIN_MS = 1_000;

const methods = ['GET', 'HEAD'];

const everyAnswer = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/**
 * Health, metrics and the pages for people, on an HTTP server of their own. Read only. Emits ops.listening and
 * ops.request_failed.
 */
export class OpsServer implements Service {
  readonly name = 'ops server';
  readonly #server: Server;
  readonly #options: OpsServerOptions;
  readonly #router: Router;
  readonly #log: EventLog;
  readonly #connections = new Connections(CONNECTIONS_MAX);
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(log: EventLog, options: OpsServerOptions) {
    this.#log = log;
    this.#options = options;
    this.#router = new Router(options.routes);
    this.#server = createServer(
      {
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: REQUEST_TIMEOUT_MS,
        // By default Node looks for late clients only every 30 s.
        connectionsCheckingInterval: 1_000,
        maxHeaderSize: HEADER_BYTES_MAX,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on('connection', (socket) => this.#connections.opened(socket));
  }

  /** @throws ListenError */
  start(): Promise<void> {
    if (this.#stopping) return Promise.reject(new Error('The ops server was stopped'));
    this.#starting ??= this.#listen();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  /** Null while it does not listen. */
  get port(): number | null {
    return (this.#server.address() as AddressInfo | null)?.port ?? null;
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen({ host, port }, resolve);
    try {
      await promise;
    } catch (err) {
      throw new ListenError(host, port, err);
    }
    this.#log.emit('ops.listening', { host, port: this.port! });
  }

  async #close(): Promise<void> {
    await this.#starting?.catch(() => {});
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS);
    this.#server.close(() => resolve());
    await promise;
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#connections.asked(request, response);
    const { status, contentType, body, headers } = await this.#answer(request);
    // The client has left.
    if (response.destroyed) return;
    response.writeHead(status, {
      ...everyAnswer,
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      ...headers,
    });
    // With a reset, so that the kernel does not go on keeping what was not read.
    const timer = setTimeout(() => request.socket.resetAndDestroy(), ANSWER_READ_WITHIN_MS);
    response.once('close', () => clearTimeout(timer));
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #answer({ method = '', url = '' }: IncomingMessage): Promise<Answer> {
    const found = this.#router.find(url);
    if (found === null) return json(404, { error: 'not found', paths: this.#router.paths });
    if (!methods.includes(method)) return json(405, { error: 'method not allowed' }, { allow: methods.join(', ') });
    const { route, path, request } = found;
    try {
      return await route(request);
    } catch (err) {
      this.#log.emit('ops.request_failed', { path, err: errorFields(err) });
      return json(500, { error: 'internal' });
    }
  }
}
