// Whether a document is OpenAPI 3.1, as two programs see it.   node judge.mjs DOCUMENT
import { readFileSync } from "node:fs";
import SwaggerParser from "@apidevtools/swagger-parser";
import { Validator } from "@seriousme/openapi-schema-validator";

const file = process.argv[2];
const result = await new Validator().validate(JSON.parse(readFileSync(file, "utf8")));
if (!result.valid) throw new Error("openapi-schema-validator: " + JSON.stringify(result.errors, null, 1));
const api = await SwaggerParser.validate(file);
console.log(api.info.title);
