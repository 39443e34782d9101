// The real Mermaid parses what `ddc show --mermaid` prints of each saved plan.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { JSDOM } from 'jsdom';

const dom = new JSDOM('<body></body>');
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const { default: mermaid } = await import('mermaid');
const { ROOT } = process.env;
const plans = join(ROOT, 'snapshots/replays');
let count = 0;
for (const name of readdirSync(plans).filter(name => name.endsWith('.toml'))) {
  let text;
  try { text = execFileSync(join(ROOT, 'target/debug/ddc'), ['show', join(plans, name), '--mermaid'], { encoding: 'utf8' }); } catch (error) {
    if (error.status !== 1) throw error;
    text = error.stdout;
  }
  if (text.length > 50_000) throw new Error(`${name}: ${text.length} characters`);
  await mermaid.parse(text);
  count += 1;
}
console.log(`${count} diagrams parsed`);
