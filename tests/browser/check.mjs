// A page is opened, stepped through, filtered, searched and linked into; nothing may go wrong in its script, and nothing may be loaded.
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const { CHROMIUM, ROOT } = process.env;
const out = process.argv[2];
const plans = join(ROOT, 'snapshots/replays');
const show = (plan, page) => {
  // It exits with 1: the run violates a check.
  try { execFileSync(join(ROOT, 'target/debug/ddc'), ['show', plan, '--html', page]); } catch (error) { if (error.status !== 1) throw error; }
};

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
const problems = [];
async function open(page, hash, options) {
  const tab = await browser.newPage(options);
  tab.on('console', message => { if (message.type() === 'error') problems.push(message.text()); });
  tab.on('pageerror', error => problems.push(String(error)));
  tab.on('request', request => { if (!request.url().startsWith('file:')) problems.push('request: ' + request.url()); });
  await tab.goto('file://' + page + hash);
  return tab;
}
const at = async tab => (await tab.textContent('#position')).match(/event (\d+) of (\d+), step (\d+)/).slice(1).map(Number);

let count = 0;
for (const name of readdirSync(plans).filter(name => name.endsWith('.toml'))) {
  const page = join(out, name.replace('.toml', '.html'));
  show(join(plans, name), page);
  const tab = await open(page, '', { viewport: { width: 1280, height: 800 } });
  assert.match(await tab.textContent('#verdict'), /VIOLATED|clean/, name);
  const [row, rows] = await at(tab);
  assert.ok(row >= 1 && row <= rows, name);
  await tab.keyboard.press('Home');
  assert.equal((await at(tab))[0], 1, name);
  await tab.keyboard.press('ArrowRight');
  assert.equal((await at(tab))[0], Math.min(2, rows), name);
  await tab.keyboard.press('v');
  await tab.keyboard.press('n');
  await tab.keyboard.press('p');
  await tab.keyboard.press('e');
  const [, filtered] = await at(tab);
  assert.ok(filtered !== undefined, name);
  await tab.selectOption('#node', '0');
  await tab.fill('#find', 'node');
  await tab.press('#find', 'Enter');
  await tab.close();
  count += 1;
}

const plan = join(plans, 'siblings-a30a77.toml');
const page = join(out, 'page.html');
show(plan, page);
assert.ok(statSync(page).size <= 200_000, 'a shrunk run makes a small page');
for (const [name, options, hash] of [
  ['light', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' }, ''],
  ['dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }, ''],
  ['phone', { viewport: { width: 400, height: 800 } }, '#step=5'],
]) {
  const tab = await open(page, hash, options);
  if (hash) assert.equal((await at(tab))[2], 5, 'a deep link opens its step');
  const box = await tab.locator('#drawing').boundingBox();
  await tab.mouse.click(box.x + box.width / 2, box.y + 30);
  await tab.screenshot({ path: join(out, name + '.png') });
  await tab.close();
}
await browser.close();
assert.deepEqual(problems, [], 'no error and no request');
console.log(`${count} pages opened and stepped through; screenshots in ${out}`);
