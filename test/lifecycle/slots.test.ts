import { expect, test } from '@jest/globals';
import { Slots } from '../../src/lifecycle/slots.ts';

test('slots are given in order, once each, and whoever gives up waits no longer', async () => {
  const slots = new Slots(1);
  const never = new AbortController().signal;
  const giveBack = await slots.take(never);
  const impatient = new AbortController();
  const [given, patient] = [slots.take(impatient.signal), slots.take(never)];
  impatient.abort(new Error('no patience'));
  await expect(given).rejects.toThrow('no patience');
  giveBack();
  giveBack();
  const second = await patient;
  const third = slots.take(never);
  second();
  (await third)();
  await expect(slots.take(impatient.signal)).rejects.toThrow('no patience');
});
