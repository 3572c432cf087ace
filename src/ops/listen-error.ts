import { errorFields } from '../log/error-fields.ts';

/** By Node's error code. */
const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; set OPS_PORT',
  EACCES: 'this user may not listen on such a port; set OPS_PORT to one above 1023',
  EADDRNOTAVAIL: 'this host has no such address; set OPS_HOST',
  ENOTFOUND: 'there is no such host; set OPS_HOST',
  EAI_AGAIN: 'its address could not be looked up; set OPS_HOST',
};

/** The ops server cannot listen on its address. The message says what to change in the configuration. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string | null;

  constructor(host: string, port: number, cause: unknown) {
    const { code, message } = errorFields(cause);
    const why = remedies[code ?? ''] ?? `${message}; set OPS_HOST or OPS_PORT`;
    super(`The ops server cannot listen on ${host}, port ${port}: ${why}`, { cause });
    this.code = code;
  }
}
