// Starts GraphiQL on one of the two endpoints beside this page. Nothing of another host is ever loaded.
'use strict';

(() => {
  const endpoints = ['graphql', 'graphql-management'];
  const wanted = new URLSearchParams(location.search).get('endpoint');
  const endpoint = endpoints.includes(wanted) ? wanted : endpoints[0];
  for (const link of document.querySelectorAll('nav a')) {
    if (link.search === `?endpoint=${endpoint}`) link.setAttribute('aria-current', 'page');
  }

  // Each endpoint remembers its own tabs. Headers hold tokens and are remembered nowhere.
  const storage = {
    get length() { return localStorage.length; },
    getItem: (key) => localStorage.getItem(`${endpoint}:${key}`),
    setItem: (key, value) => localStorage.setItem(`${endpoint}:${key}`, value),
    removeItem: (key) => localStorage.removeItem(`${endpoint}:${key}`),
    clear: () => localStorage.clear(),
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
