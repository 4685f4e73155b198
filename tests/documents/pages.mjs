// The pages in a browser: "Try it out" on /items/{item_id}, the chat and two tabs in a room, and that nothing is asked of another machine.
//   node pages.mjs CHROMIUM http://127.0.0.1:PORT FOLDER_OF_SCREENSHOTS http://127.0.0.1:PORT_OF_IDENTITY
// Prints "ok NAME" and "not ok NAME: why".
import { chromium } from "playwright-core";

const [executablePath, base, folder, identity] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking"] });      // no other machine has an address
const check = (name, good, why) => console.log(good ? `ok documents/${name}` : `not ok documents/${name}: ${why}`);

async function open(path) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
  const asked = [], said = [];
  page.on("request", (r) => asked.push(r.url()));
  page.on("console", (m) => m.type() === "error" && said.push(m.text()));
  page.on("pageerror", (e) => said.push(String(e)));
  await page.goto(path.startsWith("http") ? path : base + path);
  return { page, asked, said };
}

function stays(name, { asked }) {
  const away = asked.filter((u) => !u.startsWith(base + "/") && !u.startsWith("data:") && !u.startsWith("blob:"));
  check(name + "_asks_nobody_else", asked.length > 0 && away.length === 0, away.join(" "));
}
const is_quiet = (name, { said }) => check(name + "_has_no_errors", said.length === 0, said.join(" | "));

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
  is_quiet("docs", docs);

  const signed = await open("/docs");
  await signed.page.locator(".auth-wrapper .authorize").first().click();
  await signed.page.locator("#oauth_username").fill("ann");
  await signed.page.locator("#oauth_password").fill("secret");
  await signed.page.locator(".modal-ux label[for^='me-']").click();
  await signed.page.locator(".modal-ux .auth-btn-wrapper .authorize").click();
  await signed.page.locator(".modal-ux .auth-btn-wrapper", { hasText: "Logout" }).waitFor({ timeout: 20000 });
  await signed.page.screenshot({ path: folder + "/authorize.png" });
  await signed.page.locator(".modal-ux .btn-done").click();
  const me = signed.page.locator("#operations-login-me_me_get");
  await me.locator(".opblock-summary").click();
  await me.getByRole("button", { name: "Try it out" }).click();
  await me.getByRole("button", { name: "Execute" }).click();
  const mine = me.locator(".live-responses-table .response-col_description .highlight-code");
  await mine.first().waitFor({ timeout: 20000 });
  const whose = (await mine.first().innerText()).replace(/\s/g, "");
  check("authorize_sends_the_token", whose.includes('{"username":"ann","scopes":"me"}'), whose);
  stays("authorize", signed);

  // The browser goes to the identity provider in a window of its own, which comes back with a code, and closes.
  const coded = (await open(identity + "/docs")).page;
  await coded.locator(".auth-wrapper .authorize").first().click();
  await coded.locator("#client_id_authorizationCode").fill("weft");
  await coded.locator(".modal-ux .auth-btn-wrapper .authorize").click();
  await coded.locator(".modal-ux .auth-btn-wrapper", { hasText: "Logout" }).waitFor({ timeout: 20000 });
  await coded.locator(".modal-ux .btn-done").click();
  const who = coded.locator("#operations-default-who_who_get");
  await who.locator(".opblock-summary").click();
  await who.getByRole("button", { name: "Try it out" }).click();
  await who.getByRole("button", { name: "Execute" }).click();
  const told = who.locator(".live-responses-table .response-col_description .highlight-code");
  await told.first().waitFor({ timeout: 20000 });
  check("a_code_becomes_a_token", (await told.first().innerText()).includes("token-of-a-code-for-weft"), await told.first().innerText());

  const redoc = await open("/redoc");
  await redoc.page.getByRole("heading", { name: "Create Item" }).first().waitFor({ timeout: 20000 });
  await redoc.page.screenshot({ path: folder + "/redoc.png" });
  check("redoc_shows_the_operations", (await redoc.page.getByText("Compare Prices").count()) > 0, "no Compare Prices");
  stays("redoc", redoc);
  is_quiet("redoc", redoc);
  const start = await open("/");
  await start.page.getByRole("button", { name: "Listen" }).click();
  const lines = start.page.locator("button[data-events] ~ pre");
  await lines.filter({ hasText: '{"n":2,' }).waitFor({ timeout: 20000 });
  check("events_are_listened_to", (await lines.innerText()).startsWith('{"n":1,'), await lines.innerText());
  is_quiet("start", start);          // what the form is answered with is no page, and the browser asks for its icon
  await start.page.getByLabel("Note").fill("a note");
  await start.page.getByLabel("Files").setInputFiles({ name: "\u00e4 b.txt", mimeType: "text/plain", buffer: Buffer.from("one\ntwo\n") });
  await start.page.getByRole("button", { name: "Send" }).click();
  await start.page.waitForURL("**/upload", { timeout: 20000 });
  const sent = (await start.page.locator("body").innerText()).replace(/\s/g, "");
  check("the_upload_form_sends_files", sent.includes('{"note":"anote","files":[{"name":"\u00e4b.txt","bytes":8,"lines":2}]}'), sent);
  stays("start", start);

  const chat = await open("/chat");
  await chat.page.getByText("connected", { exact: true }).waitFor({ timeout: 20000 });
  await chat.page.getByLabel("Message").fill("h\u00ebllo <b>");
  await chat.page.getByRole("button", { name: "Send" }).click();
  await chat.page.locator("#messages li").first().waitFor({ timeout: 20000 });
  check("the_chat_page_is_answered", (await chat.page.locator("#messages").innerText()) === "Message received: h\u00ebllo <b>", await chat.page.locator("#messages").innerText());
  await chat.page.screenshot({ path: folder + "/chat.png" });
  is_quiet("chat", chat);
  stays("chat", chat);

  const ann = await open("/chat/kitchen?name=ann"), bob = await open("/chat/kitchen?name=bob");
  await ann.page.locator("#messages .event", { hasText: "bob" }).waitFor({ timeout: 20000 });
  await bob.page.getByLabel("Message").fill("dinner?");
  await bob.page.getByRole("button", { name: "Send" }).click();
  for (const one of [ann, bob]) await one.page.locator("#messages .said", { hasText: "dinner?" }).waitFor({ timeout: 20000 });
  check("two_tabs_in_a_room_hear_each_other", (await ann.page.locator("#messages .said").innerText()) === "bobdinner?", await ann.page.locator("#messages .said").innerText());
  await bob.page.close();
  await ann.page.locator("#messages .event", { hasText: "left" }).waitFor({ timeout: 20000 });
  check("who_closes_a_tab_has_left", (await ann.page.evaluate(() => fetch("/rooms/kitchen/members").then((r) => r.text()))) === '["ann"]', "others are there");
  await ann.page.screenshot({ path: folder + "/room.png" });
  is_quiet("room", ann);
  stays("room", ann);
} catch (e) {
  check("pages", false, String(e).replace(/\n/g, " | ").slice(0, 600));
} finally {
  await browser.close();
}
