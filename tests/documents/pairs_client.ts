// The same of the pairs: bodies of several kinds, maps with numbers for keys, forms, files, values of the path and the query.
import createClient from "openapi-fetch";
import type { components, paths } from "./pairs";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });
const model: components["schemas"]["ModelName"] = "alexnet";
const offered: components["schemas"]["Offered"] = { name: "Foo", price: 35.4, tags: [], images: null };

export async function use(): Promise<number> {
  const found = await client.GET("/filters/items/", { params: { query: { limit: 10, offset: 0, order_by: "created_at", tags: ["a"] } } });
  const several = await client.PUT("/several/items/{item_id}", { params: { path: { item_id: 5 } },
    body: { importance: 2, item: { name: "Foo", price: 50.5 }, user: { username: "Dave" } } });
  const weights: Record<string, number> | undefined = (await client.POST("/weights/index-weights/", { body: { "2": 2.2 } })).data;
  const offer = await client.POST("/offers/offers/", { body: { name: "Special", price: 38.6, items: [offered] } });
  await client.GET("/paths/models/{model_name}", { params: { path: { model_name: model } } });
  // @ts-expect-error: no such order
  await client.GET("/filters/items/", { params: { query: { limit: 10, offset: 0, order_by: "lost", tags: [] } } });
  return (found.data?.limit ?? 0) + (several.data?.importance ?? 0) + (weights?.["2"] ?? 0) + (offer.data?.items.length ?? 0);
}
