import type { Attributes, BatchObservableCallback, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { attributesOf } from './instruments.ts';

/** The part of a meter that our instruments use. */
export type OurMeter = Pick<
  Meter,
  | 'createCounter'
  | 'createHistogram'
  | 'createObservableGauge'
  | 'addBatchObservableCallback'
  | 'removeBatchObservableCallback'
>;

/** The same instruments, each of whose measurements also names the ledger. */
export function withLedger(meter: OurMeter, ledger: string): OurMeter {
  const named = (attributes?: Attributes) => ({ ...attributesOf({ ledger }), ...attributes });
  const callbacks = new Map<BatchObservableCallback, BatchObservableCallback>();
  return {
    createCounter(name, options) {
      const counter = meter.createCounter(name, options);
      return { add: (value, attributes, context) => counter.add(value, named(attributes), context) };
    },
    createHistogram(name, options) {
      const histogram = meter.createHistogram(name, options);
      return { record: (value, attributes, context) => histogram.record(value, named(attributes), context) };
    },
    createObservableGauge: (name, options) => meter.createObservableGauge(name, options),
    addBatchObservableCallback(callback, observables: Observable[]) {
      const wrapped: BatchObservableCallback = (result) => callback(namedResult(result, named));
      callbacks.set(callback, wrapped);
      meter.addBatchObservableCallback(wrapped, observables);
    },
    removeBatchObservableCallback(callback, observables: Observable[]) {
      const wrapped = callbacks.get(callback);
      if (wrapped !== undefined) meter.removeBatchObservableCallback(wrapped, observables);
    },
  };
}

function namedResult(
  result: BatchObservableResult,
  named: (attributes?: Attributes) => Attributes,
): BatchObservableResult {
  return { observe: (metric, value, attributes) => result.observe(metric, value, named(attributes as Attributes)) };
}
