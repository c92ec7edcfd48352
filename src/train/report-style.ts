/**
 * The style sheet of a report. Colours are from a palette that stays distinct under the common kinds
 * of colour blindness, in a darker set for light pages and a lighter one for dark pages; dash patterns
 * say the same once more.
 */
export const REPORT_STYLE: string = `
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --card: #ffffff; --ink: #1c1e21; --soft: #5b6168; --faint: #8a9098;
  --rule: #e4e5e3; --grid: #ececea; --shade: #0002; --warn-ink: #8a3d00; --warn: #fff3e6; --warn-rule: #f0cfae;
  --k0: #0b6fb8; --k1: #c8520a; --k2: #0a8a66; --k3: #a53a86;
  --k4: #6b5fd0; --k5: #8d6b00; --k6: #3b8ea5; --k7: #55595e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131517; --card: #1a1d20; --ink: #e7e9ea; --soft: #a4abb2; --faint: #7c848c;
    --rule: #2c3035; --grid: #26292d; --shade: #000a; --warn-ink: #ffc38a; --warn: #2c2015; --warn-rule: #5a4026;
    --k0: #5cb3f0; --k1: #f5914d; --k2: #3cc79c; --k3: #e58bc8;
    --k4: #a79cff; --k5: #dcb73c; --k6: #74c8de; --k7: #b4bac0;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans",
    Arial, sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 56px 32px 72px; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.25; font-weight: 620; text-wrap: balance; margin: 0; }
h1 { font-size: clamp(1.6rem, 1.2rem + 1.8vw, 2.2rem); letter-spacing: -0.015em; }
h2 { font-size: 1.25rem; letter-spacing: -0.008em; margin: 64px 0 6px; }
h3 { font-size: 0.95rem; }
p { margin: 0; max-width: 72ch; text-wrap: pretty; }
.lead { margin-top: 12px; color: var(--soft); font-size: 1.05rem; }
.about { color: var(--soft); font-size: 0.9rem; margin-bottom: 20px; }
.partial {
  margin-top: 24px; padding: 12px 16px; border: 1px solid var(--warn-rule); border-radius: 8px;
  background: var(--warn); color: var(--warn-ink); max-width: none;
}
dl { display: grid; grid-template-columns: minmax(0, 15rem) minmax(0, 1fr); margin: 20px 0 0; }
dt, dd { margin: 0; padding: 9px 0; border-top: 1px solid var(--rule); }
dt { color: var(--soft); padding-right: 24px; }
dl, .table { border-bottom: 1px solid var(--rule); }
dl.facts { font-size: 0.9rem; }
dl.facts dt, dl.facts dd { padding: 6px 0; }
.k0 { --k: var(--k0); } .k1 { --k: var(--k1); } .k2 { --k: var(--k2); } .k3 { --k: var(--k3); }
.k4 { --k: var(--k4); } .k5 { --k: var(--k5); } .k6 { --k: var(--k6); } .k7 { --k: var(--k7); }
.d1 { --d: 7 3.5; } .d2 { --d: 2 3; } .d3 { --d: 11 3 2 3; } .d4 { --d: 5 2.5 1.5 2.5 1.5 2.5; }
.table {
  overflow-x: auto; margin-top: 20px;
  background:
    linear-gradient(to left, var(--page) 30%, transparent) right / 48px 100% no-repeat local,
    linear-gradient(to left, var(--shade), transparent) right / 20px 100% no-repeat scroll;
}
.table:focus-visible { outline: 2px solid var(--k0); outline-offset: 4px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
th, td { padding: 8px 12px; text-align: right; white-space: nowrap; vertical-align: baseline; }
td { font-variant-numeric: tabular-nums; }
thead th { color: var(--soft); font-weight: 500; font-size: 0.8rem; vertical-align: bottom; line-height: 1.3; }
tbody th { font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--page); }
tr > :last-child { padding-right: 0; }
tbody tr > * { border-top: 1px solid var(--rule); }
tbody.group th[colspan] { padding-top: 22px; font-weight: 620; border-top: 0; position: static; }
tbody.group:first-of-type th[colspan] { border-top: 1px solid var(--rule); padding-top: 14px; }
td small { display: inline-block; min-width: 4em; padding-left: 0.4em; text-align: left; color: var(--faint); font-size: 0.92em; font-weight: 400; }
td.low { font-weight: 680; }
.status-diverged, .status-partial { color: var(--warn-ink); }
.swatch { display: inline-block; width: 30px; height: 8px; margin-right: 8px; overflow: visible; vertical-align: 0.12em; }
.swatch path { fill: none; stroke: var(--k); stroke-width: 2.2; stroke-dasharray: var(--d, none); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 0 0 20px; padding: 0; list-style: none; font-size: 0.9rem; }
.legend span { color: var(--soft); }
.panels { display: grid; grid-template-columns: minmax(0, 1fr); gap: 40px 48px; }
.panels figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: 14px; }
figcaption small { display: block; color: var(--soft); font-size: 0.82rem; font-weight: 400; }
.plot { padding: 6px 8px 40px 48px; font-size: 12px; position: relative; }
.plot .of-x { position: absolute; right: 8px; bottom: 0; color: var(--faint); font-size: 12px; line-height: 1; }
.figure-note { color: var(--soft); font-size: 0.82rem; margin-top: 10px; }
svg.chart, svg.chart svg { display: block; }
svg.chart, .mark, .end { overflow: visible; }
.chart text { font-size: 12px; font-variant-numeric: tabular-nums; }
.tick { fill: var(--soft); }
.grid { stroke: var(--grid); }
.foot { stroke: var(--faint); }
.level { stroke: var(--faint); stroke-dasharray: 1 3; }
.curve, .faint { fill: none; stroke: var(--k); vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: butt; }
.curve { stroke-width: 1.7; stroke-dasharray: var(--d, none); }
.faint { stroke-width: 1; stroke-opacity: 0.22; }
.ring { fill: var(--page); stroke: var(--k); stroke-width: 1.4; }
.mark path { fill: none; stroke: var(--k); stroke-width: 2.2; stroke-linecap: round; }
.mark .halo { stroke: var(--page); stroke-width: 6; }
svg.chart .end { display: none; }
.end path { fill: none; stroke: var(--k); stroke-opacity: 0.55; }
.end text { fill: var(--k); }
pre {
  margin: 0; padding: 16px 18px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  font: 12.5px/1.55 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 22em; overflow-y: auto; tab-size: 2;
}
.samples { gap: 24px 32px; margin-top: 20px; }
.samples figcaption { margin-bottom: 8px; }
.notes { margin: 20px 0 0; padding-left: 1.2em; font-size: 0.9rem; color: var(--soft); max-width: 76ch; }
.notes li { margin: 6px 0; }
@media (min-width: 860px) {
  .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .panels.single { grid-template-columns: minmax(0, 1fr); }
  .plot { padding-right: calc(var(--names) * 0.6em + 20px); }
  .plot .of-x { right: calc(var(--names) * 0.6em + 20px); }
  svg.chart .end { display: inline; }
}
@media (max-width: 560px) {
  main { padding: 32px 16px 48px; }
  h2 { margin-top: 48px; }
  dl { grid-template-columns: minmax(0, 1fr); }
  dt { padding-bottom: 0; font-size: 0.85rem; }
  dd { border-top: 0; padding-top: 2px; }
  dl.facts dt { padding-bottom: 0; } dl.facts dd { padding-top: 0; }
  .plot { padding-left: 38px; }
  .legend { gap: 6px 18px; }
}
@media print { .table { overflow: visible; } pre { max-height: none; } }
`;
