import { createServer, type Socket } from 'node:net';

export interface PasswordServer extends AsyncDisposable {
  url(password: string): string;
  /** What was tried. */
  readonly passwords: string[];
}

const CLEARTEXT_PASSWORD = 3;

/** Speaks just enough of PostgreSQL's protocol to refuse a password: the test server accepts every login. */
export async function startPasswordServer(): Promise<PasswordServer> {
  const passwords: string[] = [];
  const server = createServer((socket) => refuse(socket, passwords));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: (password) => `postgresql://sweeper:${password}@127.0.0.1:${port}/ledger`,
    passwords,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function refuse(socket: Socket, passwords: string[]): void {
  socket.on('error', () => undefined);
  socket.once('data', () => {
    const ask = Buffer.alloc(9);
    ask.write('R');
    ask.writeInt32BE(8, 1);
    ask.writeInt32BE(CLEARTEXT_PASSWORD, 5);
    socket.write(ask);
    socket.once('data', (answer) => {
      passwords.push(answer.toString('latin1').slice(5, -1));
      const fields = ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "sweeper"', '', ''];
      const body = Buffer.from(fields.join('\0'));
      const head = Buffer.alloc(5);
      head.write('E');
      head.writeInt32BE(body.length + 4, 1);
      socket.end(Buffer.concat([head, body]));
    });
  });
}
