// The pages in a browser: "Try it out" on /items/{item_id}, and that nothing is asked of another machine.
//   node pages.mjs CHROMIUM http://127.0.0.1:PORT FOLDER_OF_SCREENSHOTS
// Prints "ok NAME" and "not ok NAME: why".
import { chromium } from "playwright-core";

const [executablePath, base, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const check = (name, good, why) => console.log(good ? `ok documents/${name}` : `not ok documents/${name}: ${why}`);

async function open(path) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
  const asked = [], said = [];
  page.on("request", (r) => asked.push(r.url()));
  page.on("console", (m) => m.type() === "error" && said.push(m.text()));
  page.on("pageerror", (e) => said.push(String(e)));
  await page.goto(base + path);
  return { page, asked, said };
}

function stays(name, { asked, said }) {
  const away = asked.filter((u) => !u.startsWith(base + "/") && !u.startsWith("data:") && !u.startsWith("blob:"));
  check(name + "_asks_nobody_else", away.length === 0, away.join(" "));
  check(name + "_has_no_errors", said.length === 0, said.join(" | "));
}

try {
  const docs = await open("/docs");
  const item = docs.page.locator("#operations-items-read_item_items__item_id__get");
  await item.locator(".opblock-summary").click();
  await item.getByRole("button", { name: "Try it out" }).click();
  await item.locator("input[placeholder='item_id']").fill("42");
  await item.getByRole("button", { name: "Execute" }).click();
  const answer = item.locator(".live-responses-table .response-col_description .highlight-code");
  await answer.first().waitFor({ timeout: 20000 });
  const text = (await answer.first().innerText()).replace(/\s/g, "");
  check("try_it_out_shows_the_answer", text.includes('{"item_id":42}'), text);
  await docs.page.screenshot({ path: folder + "/docs.png", fullPage: true });
  stays("docs", docs);

  const redoc = await open("/redoc");
  await redoc.page.getByRole("heading", { name: "Create Item" }).first().waitFor({ timeout: 20000 });
  await redoc.page.screenshot({ path: folder + "/redoc.png" });
  check("redoc_shows_the_operations", (await redoc.page.getByText("Compare Prices").count()) > 0, "no Compare Prices");
  stays("redoc", redoc);
} catch (e) {
  check("pages", false, String(e).replace(/\n/g, " | ").slice(0, 600));
} finally {
  await browser.close();
}
