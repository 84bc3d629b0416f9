const { location, SwaggerUIBundle, URL } = globalThis;

const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  // A token asked for on this page is used by it at once, and kept as one that was typed in.
  responseInterceptor(response) {
    if (response.ok && new URL(response.url, location.href).pathname === '/v1/auth/token') {
      const schema = ui.specSelectors.specJson().getIn(['components', 'securitySchemes', 'bearer']).toJS();
      const value = JSON.parse(response.text).accessToken;
      ui.authActions.authorizeWithPersistOption({ bearer: { name: 'bearer', schema, value } });
    }
    return response;
  },
});
