import type { Picture } from './figure.ts';

const WIDTH = 720;
const HEIGHT = 320;
const MARGIN = { left: 84, right: 16, top: 48, bottom: 64 };
const COLOURS = ['#2563eb', '#d97706', '#059669', '#9333ea', '#6b7280'];

/** A small bar chart. A logarithmic axis where the largest is far from the smallest. Readable on light and dark. */
export function svgOf(picture: Picture): string {
  const { title, xLabel, yLabel, series } = picture;
  const names = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => String(x))))];
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  const scale = scaleOf(values);
  const plotWidth = WIDTH - MARGIN.left - MARGIN.right;
  const slot = plotWidth / names.length;
  const bar = Math.min(64, (slot * 0.8) / series.length);
  const bars = series.flatMap(({ points }, s) =>
    points.map(({ x, y }) => {
      const centre = MARGIN.left + slot * (names.indexOf(String(x)) + 0.5);
      const left = centre + bar * (s - series.length / 2);
      const top = scale.y(y);
      return (
        `<rect x="${n(left)}" y="${n(top)}" width="${n(bar - 2)}" height="${n(HEIGHT - MARGIN.bottom - top)}" fill="${COLOURS[s]}"/>` +
        text(left + bar / 2, top - 5, label(y), 'middle', 11)
      );
    }),
  );
  const lines = scale.ticks.map(
    (tick) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${n(scale.y(tick))}" y2="${n(scale.y(tick))}" stroke="#888" stroke-opacity="0.3"/>` +
      text(MARGIN.left - 6, scale.y(tick) + 4, label(tick), 'end', 11),
  );
  const below = names.map((name, i) =>
    text(MARGIN.left + slot * (i + 0.5), HEIGHT - MARGIN.bottom + 18, name, 'middle', 12),
  );
  const legend =
    series.length > 1
      ? series.map(
          ({ name }, s) =>
            `<rect x="${MARGIN.left + s * 190}" y="${HEIGHT - 20}" width="10" height="10" fill="${COLOURS[s]}"/>` +
            text(MARGIN.left + s * 190 + 15, HEIGHT - 11, name, 'start', 11),
        )
      : [];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" fill="#777">`,
    text(MARGIN.left, 22, title, 'start', 15),
    text(MARGIN.left, 38, yLabel, 'start', 11),
    ...lines,
    ...bars,
    ...below,
    text(WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom + 34, xLabel, 'end', 11),
    ...legend,
    '</svg>\n',
  ].join('\n');
}

function scaleOf(values: readonly number[]) {
  const most = Math.max(...values, 1e-9);
  const least = Math.min(...values.filter((value) => value > 0), most);
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const bottom = HEIGHT - MARGIN.bottom;
  if (most / least > 50) {
    const from = Math.floor(Math.log10(least)) - 0.3;
    const to = Math.log10(most) + 0.1;
    const share = (value: number) => Math.max(0, (Math.log10(Math.max(value, 1e-9)) - from) / (to - from));
    const ticks = Array.from({ length: Math.floor(to) - Math.ceil(from) + 1 }, (_, i) => 10 ** (Math.ceil(from) + i));
    return { ticks, y: (value: number) => bottom - share(value) * height };
  }
  const step = 10 ** Math.floor(Math.log10(most)) / (most / 10 ** Math.floor(Math.log10(most)) < 3 ? 2 : 1);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
  return { ticks, y: (value: number) => bottom - (value / (most * 1.1)) * height };
}

function label(value: number): string {
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  if (value >= 1000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function n(value: number): string {
  return value.toFixed(1);
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size: number): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}" font-size="${size}">${escaped}</text>`;
}
