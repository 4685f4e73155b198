// A client of the showcase, made of its document: that this compiles is the test.
import createClient from "openapi-fetch";
import type { components, paths } from "./showcase";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });
const loom: components["schemas"]["Item"] = { name: "Loom", price: 450, tags: ["wood"] };

export async function use(): Promise<number> {
  const read = await client.GET("/items/{item_id}", { params: { path: { item_id: 42 } } });
  if (read.error) return read.error.detail?.length ?? 0;
  const id: number = read.data.item_id;
  const made = await client.POST("/items/", { body: loom });
  const tax: number | null | undefined = made.data?.tax;
  const found = await client.GET("/search/", { params: { query: { destination: "Rome" } } });
  const stars: number[] = found.data?.hotels.map((h) => h.stars) ?? [];
  // @ts-expect-error: a path parameter is a number
  await client.GET("/items/{item_id}", { params: { path: { item_id: "x" } } });
  // @ts-expect-error: an item has a price
  await client.POST("/items/", { body: { name: "Loom" } });
  return id + (tax ?? 0) + stars.length;
}
