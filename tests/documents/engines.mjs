// Whether all that judges runs on Node 18 and 20, as the packages say themselves.   node engines.mjs LOCKFILE
import { readFileSync } from "node:fs";

const wanted = [[18, 19, 0], [20, 9, 0]];        // those of Debian 12 and the first 20 with long support
const order = (a, b) => a.map((n, i) => n - b[i]).find((n) => n) ?? 0;

function holds(version, one) {                   // one comparison: ">=18.17", "^20.9.0", "*"
  const [, sign, text] = one.match(/^(>=|>|<=|<|\^|~|=)?\s*v?(.*)$/);
  const parts = text.split(".").map(Number).filter((n) => !Number.isNaN(n));
  const full = [...parts, 0, 0, 0].slice(0, 3), sense = order(version, full);
  if (!parts.length) return true;
  if (sign === ">=") return sense >= 0;
  if (sign === ">") return sense > 0;
  if (sign === "<=") return sense <= 0;
  if (sign === "<") return sense < 0;
  return version[0] === full[0] && (sign !== "~" || version[1] === full[1]) && (sign ? sense >= 0 : true);
}

const fits = (version, range) =>
  range.split("||").some((all) => (all.trim().replace(/([<>=~^])\s+/g, "$1").split(/\s+/)).every((one) => holds(version, one)));
const refused = Object.entries(JSON.parse(readFileSync(process.argv[2], "utf8")).packages)
  .flatMap(([name, { engines }]) => wanted.filter((v) => engines?.node && !fits(v, engines.node)).map((v) => `${name} (${engines.node}) on ${v.join(".")}`));
if (refused.length) throw new Error(refused.join("; "));
