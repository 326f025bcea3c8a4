import swagger, { type SwaggerTransform } from "@fastify/swagger";
import type { FastifyInstance, FastifySchema } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import { refusal, TOKEN_HEADER } from "../aaa/wire.ts";

/** Of the API, not of the package. */
const VERSION = "1.0.0";
export const OPENAPI_PATH = "/openapi.json";

/** Who may call what: a client by either of the first two, another domain by its certificate, with its caller's proof in DPoP if it passes a token on. */
const SECURITY_SCHEMES = {
  assertion: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "RFC 7523; aud: the domain's name" },
  proven: { type: "http", scheme: "DPoP", bearerFormat: "JWT", description: "RFC 9449: a token, with a proof in DPoP" },
  domain: { type: "apiKey", in: "header", name: TOKEN_HEADER, description: "a token, passed on over mutual TLS" },
} as const;

/** Every answer that is not one of success says who refused, and why. */
const withRefusals: SwaggerTransform = (route) => {
  const { schema } = route;
  const response = typeof schema?.response === "object" ? schema.response : {};
  const told: FastifySchema = { ...schema, response: { ...response, default: refusal } };
  return jsonSchemaTransform({ ...route, schema: told });
};

/** Makes one OpenAPI document of all routes that are added from now on, out of the schemas that check them. */
export async function describeApi(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "A network domain of Turntable",
        description: "AAA: who may move what. DRAC: the lightpath that it is moved over.",
        version: VERSION,
      },
      components: { securitySchemes: SECURITY_SCHEMES },
      security: [{ assertion: [] }, { proven: [] }, { domain: [] }],
    },
    transform: withRefusals,
  });
  server.get(OPENAPI_PATH, { schema: { hide: true }, config: { isPublic: true } }, async () => server.swagger());
}
