/** No reading was available within the time that a request may wait. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
  }
}

/** The reading's value or error. The reading goes on when it takes longer. @throws NoAnswer */
export async function answerWithin<Value>(ms: number, reading: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new NoAnswer(ms)), ms);
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
