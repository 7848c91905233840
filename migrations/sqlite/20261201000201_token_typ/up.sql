-- What the header of its tokens says they are: 'at+jwt' or 'JWT'.
ALTER TABLE resource_servers ADD COLUMN token_typ TEXT NOT NULL DEFAULT 'at+jwt';
