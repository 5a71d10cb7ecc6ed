"""The page's style sheet. The colours of the charts are Okabe and Ito's, of enough contrast."""

STYLE = """
:root { color-scheme: light; --ground: #f6f7f9; --card: #ffffff; --ink: #1a1d23; --soft: #555c68;
  --edge: #d9dde3; --link: #00538a; --mark: #e8f1fa; --faint: #767676; --grid: #e3e6ea;
  --blue: #0072b2; --vermillion: #d05a00; --green: #00875f; --purple: #b3578b; --orange: #a06c00;
  --sky: #3a87b8; --yellow: #857b00; }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --ground: #14161a; --card: #1c1f25; --ink: #e9ebee; --soft: #a9b0bc;
  --edge: #363b45; --link: #7cc0f0; --mark: #20324a; --faint: #8e949e; --grid: #2f343c;
  --blue: #4aa8e8; --vermillion: #ff8a47; --green: #2ec492; --purple: #df93bd; --orange: #f0b030;
  --sky: #8fd0f8; --yellow: #f0e442; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 1180px; padding: 0 16px 40px; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
  "DejaVu Sans", sans-serif; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 16px; top: 8px; background: var(--card); padding: 4px 10px; z-index: 1; }
header { padding: 36px 0 8px; }
.kind { margin: 0; color: var(--soft); font-size: 14px; overflow-wrap: anywhere; }
h1 { margin: 0 0 20px; font-size: clamp(26px, 5vw, 38px); line-height: 1.15;
  letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { margin: 0 0 14px; font-size: 21px; line-height: 1.25; letter-spacing: -0.01em; }
h3 { display: inline; font-size: 16px; font-weight: 600; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 0; }
.facts > div { background: var(--card); border: 1px solid var(--edge); border-radius: 10px;
  padding: 12px 16px; }
.facts dt { font-size: 13px; color: var(--soft); }
.facts dd { margin: 0; }
.facts b { display: block; font-size: 28px; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -0.02em; }
.facts span { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.ask { margin: 18px 0 4px; font-size: 13px; color: var(--soft); }
pre { margin: 0; background: var(--card); border: 1px solid var(--edge); border-radius: 10px;
  padding: 10px 14px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13.5px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
nav { position: sticky; top: 0; z-index: 1; background: var(--ground); margin: 8px -16px 14px;
  padding: 0 16px; border-bottom: 1px solid var(--edge); overflow-x: auto; }
nav ol { display: flex; gap: 18px; list-style: none; margin: 0; padding: 9px 0; font-size: 14px;
  white-space: nowrap; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
main:focus { outline: none; }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 12px;
  padding: 22px 24px 24px; margin: 0 0 18px; }
h2 { scroll-margin-top: 60px; }
p { margin: 0 0 12px; }
.note { color: var(--soft); font-size: 14px; max-width: 80ch; overflow-wrap: anywhere; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr));
  gap: 18px 28px; margin: 0 0 12px; }
.grid.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr));
  gap: 18px 28px; align-items: start; }
figure { margin: 0; min-width: 0; max-width: 520px; }
figcaption { font-size: 14px; font-weight: 600; margin: 0 0 2px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 0 0 4px;
  padding: 0; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.key { width: 26px; height: 8px; margin-right: 6px; vertical-align: middle; }
.chart { display: block; width: 100%; height: auto; font-family: system-ui, -apple-system,
  "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
.scroll { overflow: auto; max-width: 100%; margin: 0 0 14px; border: 1px solid var(--edge);
  border-radius: 8px; }
  /* as high as a window, and its heads stay in sight */
.tall { max-height: 480px; }
.tall thead th { position: sticky; top: 0; background: var(--card); }
.side { display: flex; flex-wrap: wrap; gap: 0 24px; align-items: start; }
.side > :last-child { flex: 1 1 440px; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 8px 12px; font-weight: 600; }
th, td { padding: 5px 12px; text-align: right; white-space: nowrap;
  border-top: 1px solid var(--edge); }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; overflow-wrap: break-word; }
.text { text-align: left; white-space: normal; }
td.text { overflow-wrap: break-word; }
.best > *, .changed > * { background: var(--mark); }
.total > * { font-weight: 650; }
.matrix { width: auto; }
.matrix th { white-space: nowrap; }
.matrix td { min-width: 40px; text-align: center; padding: 6px 4px; border: 1px solid var(--card); }
.matrix .turned { vertical-align: bottom; padding: 8px 4px; }
.turned span { writing-mode: vertical-rl; transform: rotate(180deg); }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr));
  gap: 14px 12px; list-style: none; margin: 0; padding: 0; font-size: 13px; line-height: 1.35; }
.mistakes p { margin: 4px 0 0; overflow-wrap: anywhere; color: var(--soft); }
.mistakes strong { color: var(--ink); }
.mistakes img { display: block; image-rendering: pixelated; border-radius: 6px;
  background: #000; }
pre span { display: inline-block; max-width: 100%; }
details { border-top: 1px solid var(--edge); padding: 10px 0; }
summary { cursor: pointer; }
details[open] > summary { margin-bottom: 10px; }
footer { color: var(--soft); font-size: 13px; }
@media (max-width: 520px) {
  .wide text { font-size: 13px; }
  section { padding: 16px 14px; border-radius: 10px; } th, td { padding: 5px 8px; }
  .facts { grid-template-columns: 1fr 1fr; gap: 8px; } .facts > div { padding: 10px 12px; }
  .facts b { font-size: 23px; } header { padding-top: 20px; }
  .mistakes { grid-template-columns: repeat(3, 1fr); } .mistakes img { width: 100%;
  height: auto; } }
@media print {
  body { max-width: none; background: none; font-size: 12px; } nav, .skip { display: none; }
  section { border: 0; padding: 0; } .scroll { max-height: none; overflow: visible; border: 0; }
  table { font-size: 11px; } figure, tr, .mistakes li { break-inside: avoid; }
  h2 { break-after: avoid; }
  .grid { grid-template-columns: 1fr 1fr; } .best > *, .changed > *, .matrix td {
  print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

_NAMES = ('blue', 'vermillion', 'green', 'purple', 'orange', 'sky', 'yellow', 'ink', 'faint',
          'grid')
STYLE += ''.join('.f-%s { fill: var(--%s); } .s-%s { stroke: var(--%s); }\n' % (4 * (name,))
                 for name in _NAMES)


def _mixed(start, end, part):
    return tuple(round(a + (b - a) * part) for a, b in zip(start, end))


def luminance(colour):
    """The relative luminance of a colour, three bytes, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
              for c in (byte / 255 for byte in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _shades(ground, **ends):
    """Ten shades from `ground` to each of `ends`, with the text on them that is easier to read."""
    for kind, end in ends.items():
        for n in range(10):
            shade = _mixed(bytes.fromhex(ground), bytes.fromhex(end), n / 9)
            # Where black and white have the same contrast with a colour.
            ink = '#000000' if luminance(shade) > 0.179 else '#ffffff'
            yield '.%s%d { background: #%s; color: %s; }' % (kind, n, bytes(shade).hex(), ink)


STYLE += ' '.join(_shades('ffffff', hit='00578a', miss='f08c3c'))
STYLE += '\n@media screen and (prefers-color-scheme: dark) { %s }' % ' '.join(
    _shades('1c1f25', hit='3d9ade', miss='b5591a'))
