// GET /docs: Swagger UI over this service's own description of itself.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null, // a badge from another host
});
