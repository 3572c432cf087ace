/** The pages' own colours and parts: light and dark, wide and narrow. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #f6f5f2; --card: #ffffff; --ink: #1d2126; --soft: #5c646e; --line: #e2e0da;
  --good: #1e7a4c; --warn: #9a6200; --bad: #b3261e;
  --stuck: #ad4212; --failed: #4a66b0; --alive: #3f8f86; --time: #8a919b; --gap: #ddd6c4; --link: #1d5fa8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1c2024; --ink: #e7e9eb; --soft: #9aa3ad; --line: #2d3238;
    --good: #55c38c; --warn: #e0a73c; --bad: #ff8178;
    --stuck: #f08a55; --failed: #8aa4ec; --alive: #5dbdb2; --time: #78818c; --gap: #3a372d; --link: #8bbcf5;
  }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
header { display: flex; flex-wrap: wrap; gap: 2px 12px; align-items: baseline; padding-top: 20px; padding-bottom: 12px; }
.product { font-size: 16px; font-weight: 650; }
h2 { font-size: 15px; font-weight: 650; }
h3 { font-size: 12.5px; font-weight: 500; color: var(--soft); }
header p + p, footer, .note, .sub { color: var(--soft); font-size: 12.5px; }
footer { padding-top: 16px; padding-bottom: 28px; }
main { display: grid; gap: 16px; grid-template-columns: repeat(12, minmax(0, 1fr)); }
section { grid-column: span 12; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 20px; min-width: 0; }
section > h2 + * { margin-top: 10px; }
section > .sub + * { margin-top: 10px; }
.half { grid-column: span 6; }
.stack { grid-column: span 6; display: grid; gap: 16px; align-content: start; min-width: 0; }
.verdict { padding: 18px 20px; }
.verdict.warn, .verdict.bad { background: color-mix(in srgb, var(--tone) 9%, var(--card)); border-color: color-mix(in srgb, var(--tone) 45%, var(--card)); }
.verdict.good { --tone: var(--good); }
.verdict.warn { --tone: var(--warn); }
.verdict.bad { --tone: var(--bad); }
.verdict h1 { display: flex; align-items: center; gap: 11px; font-size: 25px; line-height: 1.2; letter-spacing: -0.01em; }
.verdict h1::before { content: ""; flex: none; width: 14px; height: 14px; border-radius: 50%; background: var(--tone); }
.verdict h1 ~ p { margin-top: 4px; max-width: 72ch; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 10px 32px; margin-top: 14px; padding-top: 14px; border-top: 1px solid var(--line); }
dt { font-size: 12.5px; color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: 14px 28px; }
.tile { min-width: 92px; }
.value { font-size: 24px; font-weight: 600; line-height: 1.25; letter-spacing: -0.01em; }
.none { color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 12.5px; color: var(--soft); }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
i.stuck { background: var(--stuck); } i.failed { background: var(--failed); } i.gap { background: var(--gap); }
.plot { position: relative; margin-top: 6px; border-bottom: 1px solid var(--soft); }
.plot svg { display: block; width: 100%; }
.tall { height: 150px; } .flat { height: 130px; } .half .tall { height: 280px; }
.plot + .axis + h3 { margin-top: 14px; }
.max { position: absolute; top: 0; left: 0; font-size: 11.5px; color: var(--soft); background: var(--card); padding: 0 5px 0 0; line-height: 1.3; border-radius: 0 0 4px 0; pointer-events: none; }
.axis { display: flex; justify-content: space-between; font-size: 11.5px; color: var(--soft); padding-top: 3px; }
.counts { display: grid; grid-auto-columns: minmax(0, 1fr); grid-auto-flow: column; font-size: 11.5px; color: var(--soft); text-align: center; }
.counts .from { text-align: left; white-space: nowrap; }
.counts .over { color: var(--stuck); font-weight: 600; }
rect.stuck { fill: var(--stuck); } rect.failed { fill: var(--failed); } rect.alive { fill: var(--alive); }
rect.time { fill: var(--time); } rect.gap { fill: var(--gap); } rect.hit { fill: transparent; }
.threshold { stroke: var(--stuck); stroke-width: 1.5; stroke-dasharray: 4 3; vector-effect: non-scaling-stroke; }
b.stuck { color: var(--stuck); } b.failed { color: var(--failed); } b.completed { color: var(--good); }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th, td { text-align: left; padding: 7px 14px 7px 0; vertical-align: baseline; border-top: 1px solid var(--line); font-weight: 400; }
thead th { border-top: 0; padding-top: 0; font-size: 12.5px; color: var(--soft); }
td:last-child, th:last-child { padding-right: 0; }
code { font: 12.5px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; unicode-bidi: isolate; }
.holds { padding-left: 18px; font-size: 13.5px; overflow-wrap: anywhere; }
.number { text-align: right; }
caption, .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.stacked { table-layout: fixed; }
.stacked th, .stacked td { overflow-wrap: anywhere; }
.stacked .at { width: 9.5%; } .stacked .id { width: 27%; } .stacked .agent { width: 12.5%; } .stacked .step { width: 16%; }
.stacked .status { width: 13%; } .stacked .heard { width: 13%; }
.bar { width: 40%; } .bar svg { display: block; width: 100%; height: 9px; }
@media (max-width: 860px) { .half, .stack { grid-column: span 12; } }
@media (max-width: 620px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  section { padding: 14px; }
  .facts { display: grid; grid-template-columns: 1fr; gap: 6px; }
  .facts div { display: flex; justify-content: space-between; gap: 16px; }
  .facts dd { text-align: right; }
  .half .tall { height: 150px; } .flat { height: 64px; }
  .tiles { display: grid; grid-template-columns: 1fr 1fr; }
  .stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stacked, .stacked tbody, .stacked tr, .stacked tbody th, .stacked td { display: block; }
  .stacked tr { border-top: 1px solid var(--line); padding: 8px 0; }
  .stacked tbody th, .stacked td { display: flex; gap: 12px; border: 0; padding: 1px 0; }
  .stacked tbody th::before, .stacked td::before { content: attr(data-label); flex: 0 0 96px; color: var(--soft); font-size: 12.5px; }
  .stacked span { min-width: 0; }
}
`;
