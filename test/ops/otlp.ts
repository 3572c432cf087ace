import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** What an OTLP request says, as far as tests ask: opentelemetry/proto/{trace,metrics}/v1. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly attributes: Attributes;
  /** How many it has: exceptions were recorded as such. */
  readonly events: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[];
  /** 2: it failed. */
  readonly status: number;
}

export interface SentMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly Attributes[];
}

type Attributes = Readonly<Record<string, string | boolean | number>>;

/** The fields of a message by their numbers, each with all of its values. */
type Fields = ReadonlyMap<number, readonly (Uint8Array | number)[]>;

export function spansOf(requests: readonly Uint8Array[]): SentSpan[] {
  // resource_spans, scope_spans, spans
  return requests.flatMap((request) => nested(request, [1, 2, 2])).map(spanOf);
}

export function metricsOf(requests: readonly Uint8Array[]): SentMetric[] {
  // resource_metrics, scope_metrics, metrics
  return requests.flatMap((request) => nested(request, [1, 2, 2])).map(metricOf);
}

function spanOf(span: Uint8Array): SentSpan {
  const fields = fieldsOf(span);
  return {
    traceId: hex(fields, 1),
    spanId: hex(fields, 2),
    name: text(fields, 5),
    attributes: attributes(fields, 9),
    events: messages(fields, 11).length,
    links: messages(fields, 13)
      .map(fieldsOf)
      .map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2), attributes: attributes(link, 4) })),
    status: Number(fieldsOf(messages(fields, 15)[0] ?? new Uint8Array()).get(3)?.[0] ?? 0),
  };
}

function metricOf(metric: Uint8Array): SentMetric {
  const fields = fieldsOf(metric);
  // Gauge, sum or histogram; the attributes of a histogram's points have another number.
  const points = [5, 7, 9].flatMap((kind) =>
    messages(fields, kind).flatMap((data) =>
      messages(fieldsOf(data), 1).map((point) => attributes(fieldsOf(point), kind === 9 ? 9 : 7)),
    ),
  );
  return { name: text(fields, 1), unit: text(fields, 3), points };
}

function nested(message: Uint8Array, path: readonly number[]): Uint8Array[] {
  return path.reduce<Uint8Array[]>(
    (parts, field) => parts.flatMap((part) => messages(fieldsOf(part), field)),
    [message],
  );
}

function fieldsOf(message: Uint8Array): Fields {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    fields.set(number, [...(fields.get(number) ?? []), fieldValue(reader, type)]);
  }
  return fields;
}

function fieldValue(reader: BinaryReader, type: WireType): Uint8Array | number {
  switch (type) {
    case WireType.LengthDelimited:
      return reader.bytes();
    case WireType.Varint:
      return Number(reader.uint64());
    case WireType.Bit64:
      return reader.double();
    case WireType.Bit32:
      return reader.fixed32();
    default:
      throw new Error(`OTLP has no fields of the wire type ${type}`);
  }
}

function messages(fields: Fields, number: number): Uint8Array[] {
  return (fields.get(number) ?? []).filter((value): value is Uint8Array => value instanceof Uint8Array);
}

function text(fields: Fields, number: number): string {
  return Buffer.from(messages(fields, number)[0] ?? []).toString();
}

function hex(fields: Fields, number: number): string {
  return Buffer.from(messages(fields, number)[0] ?? []).toString('hex');
}

function attributes(fields: Fields, number: number): Attributes {
  return Object.fromEntries(
    messages(fields, number)
      .map(fieldsOf)
      .map((pair) => [text(pair, 1), anyValue(fieldsOf(messages(pair, 2)[0] ?? new Uint8Array()))]),
  );
}

/** A string, a boolean, or a number. */
function anyValue(value: Fields): string | boolean | number {
  if (value.has(1)) return text(value, 1);
  if (value.has(2)) return value.get(2)![0] === 1;
  return Number((value.get(3) ?? value.get(4))?.[0]);
}
