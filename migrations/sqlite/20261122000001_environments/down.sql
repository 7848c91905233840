DROP TABLE exchange_rules;
DROP TABLE identity_connections;
DROP TABLE applications;
DROP TABLE client_secrets;
DROP TABLE clients;
DROP TABLE resource_servers;
DROP TABLE environments;
DROP TABLE tenants;
