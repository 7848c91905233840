// Starts GraphiQL on one of the two endpoints beside this page. Nothing of another host is ever loaded.
'use strict';

(() => {
  const endpoints = ['graphql', 'graphql-management'];
  const wanted = new URLSearchParams(location.search).get('endpoint');
  const endpoint = endpoints.includes(wanted) ? wanted : endpoints[0];
  for (const link of document.querySelectorAll('nav a')) {
    if (link.search === `?endpoint=${endpoint}`) link.setAttribute('aria-current', 'page');
  }

  // Gone with the page. GraphiQL would keep its history in the browser for good, and with it the headers of each request,
  // whatever is said below: access tokens, and in variables the secrets that they were had for.
  const kept = new Map();
  const storage = {
    get length() { return kept.size; },
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => { kept.set(key, value); },
    removeItem: (key) => { kept.delete(key); },
    clear: () => kept.clear(),
  };

  const graphiql = React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: new URL(endpoint, location.href).href }),
    storage,
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: 'headers',
    defaultQuery: '{\n  serverVersion\n}\n',
  });
  ReactDOM.createRoot(document.getElementById('graphiql')).render(graphiql);
})();
