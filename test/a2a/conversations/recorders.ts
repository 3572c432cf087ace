import { InterceptingCall, type Interceptor } from '@grpc/grpc-js';

/** What was sent and answered over the wire, one entry for each request, complete when its answer is. */
export type Record = { readonly asked: object; answered: unknown[]; ended?: unknown };

/** fetch that writes down what it carries. */
export function recordingFetch(wire: object[]): typeof fetch {
  return async (input, init) => {
    const { method, body, headers } = init ?? {};
    const record: Record = {
      asked: { method, url: String(input), headers: Object.fromEntries(new Headers(headers)), body: String(body) },
      answered: [],
    };
    wire.push(record);
    try {
      const response = await fetch(input, init);
      const type = response.headers.get('content-type');
      record.answered.push({ status: response.status, type });
      if (response.body === null) return response;
      const read = response.body.pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            // The pieces in which an answer arrives are the network's choice.
            record.ended = `${record.ended ?? ''}${Buffer.from(chunk).toString('latin1')}`;
            controller.enqueue(chunk);
          },
        }),
      );
      return new Response(read, { status: response.status, headers: response.headers });
    } catch (err) {
      record.ended = (err as Error).name;
      throw err;
    }
  };
}

/** The same for gRPC. */
export function recordingInterceptor(wire: object[]): Interceptor {
  return (options, nextCall) => {
    const record: Record = { asked: { method: options.method_definition.path, sent: [] as unknown[] }, answered: [] };
    wire.push(record);
    return new InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        Object.assign(record.asked, { metadata: metadata.getMap() });
        next(metadata, {
          onReceiveMessage(message, pass) {
            if (message !== null) record.answered.push(message);
            pass(message);
          },
          onReceiveStatus(status, pass) {
            record.ended = { code: status.code, details: status.details };
            pass(status);
          },
        });
        void listener;
      },
      sendMessage(message, next) {
        (record.asked as { sent: unknown[] }).sent.push(message);
        next(message);
      },
    });
  };
}
