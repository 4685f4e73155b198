// The same of the shop: models that contain themselves, enums, maps, answers of several kinds.
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./shop";

type Order = components["schemas"]["Order"];
const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });
const comment: components["schemas"]["Comment"] = { text: "a", replies: [{ text: "b", replies: [] }], quoted: null };
const created: operations["createOrder"]["responses"][201]["content"]["application/json"]["status"] = "open";

export async function use(): Promise<number> {
  const all = await client.GET("/orders/", { params: { query: { limit: 5, status: "sent", tag: ["a"] }, header: { "x-token": "t" } } });
  const first: Order | undefined = all.data?.[0];
  const problem = await client.POST("/orders/", { body: { email: "a@b", price: 1, quantity: 1 } });
  const stock: Record<string, number> | undefined = (await client.GET("/orders/parts/stock")).data;
  // @ts-expect-error: no such status
  await client.GET("/orders/", { params: { query: { status: "lost" } } });
  return (first?.stock["7"] ?? 0) + (problem.error ? 1 : 0) + Object.keys(stock ?? {}).length + comment.text.length + created.length;
}
