import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findChromium, pictureFile } from '@orderflow/testing/browser';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { RunningStack } from '@orderflow/testing/running-stack';

const browserFile = findChromium();

/** A page of 1.7 MB of script, on a machine that may be busy with a whole stack. */
const PATIENCE_MS = 90_000;

/** The page at /docs in a browser that can reach nothing but the stack. */
export function describeApiPage(stack: () => RunningStack): void {
  const describeWithBrowser = browserFile === null ? describe.skip : describe;
  describeWithBrowser(browserFile === null ? 'the API page (skipped: no Chromium)' : 'the API page', () => {
    let browser: Browser;
    let page: Page;
    const asked: string[] = [];
    const complaints: string[] = [];

    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: String(browserFile),
        chromiumSandbox: false,
        args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
      });
      page = await browser.newPage({ viewport: { width: 1280, height: 1500 } });
      page.setDefaultTimeout(60_000);
      page.on('request', (request) => asked.push(request.url()));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', ({ message }) => complaints.push(message));
    }, 60_000);

    afterAll(() => browser.close());

    /** Opens an operation on the page, sends it as it stands there, and says the status of the answer. */
    async function execute(tag: string, operationId: string): Promise<string> {
      const block = page.locator(`#operations-${tag}-${operationId}`);
      const send = block.getByRole('button', { name: 'Execute' });
      if (!(await send.isVisible())) await block.locator('.opblock-summary-control').click();
      await send.click();
      const status = block.locator('.live-responses-table tbody .response-col_status').first();
      return (await status.innerText()).trim().slice(0, 3);
    }

    it(
      'shows every operation, without any other host',
      async () => {
        const { gateway } = stack().current();
        await page.goto(`${gateway}/docs`);
        await page.locator('.opblock').first().waitFor();
        expect(await page.locator('.opblock').count()).toBeGreaterThan(30);
        expect(asked.filter((url) => !url.startsWith(`${gateway}/`) && !url.startsWith('data:'))).toEqual([]);
      },
      PATIENCE_MS,
    );

    it(
      'sends requests: a token got on it is used by the next one',
      async () => {
        expect(await execute('Local_stack', 'createLocalToken')).toBe('200');
        // A key of its own, and the page has filled in `Prefer: wait=5`: the order is over when the answer comes.
        await page.locator('#operations-Orders-placeOrder .opblock-summary-control').click();
        await page.getByPlaceholder('Idempotency-Key').fill('from-the-page');
        expect(await execute('Orders', 'placeOrder')).toBe('201');
        expect(complaints).toEqual([]);
        const picture = pictureFile('api-docs.png');
        await page.locator('#operations-Orders-placeOrder').evaluate((block) => block.scrollIntoView());
        const png = await page.screenshot({
          // The command line that the page offers shows the token.
          style: '.curl-command { display: none }',
          ...(picture !== null && { path: picture }),
        });
        expect(png.length).toBeGreaterThan(20_000);
      },
      PATIENCE_MS,
    );

    it(
      'keeps the token when it is loaded again',
      async () => {
        await page.reload();
        await page.locator('.opblock').first().waitFor();
        expect(await execute('Orders', 'listOrders')).toBe('200');
      },
      PATIENCE_MS,
    );
  });
}
