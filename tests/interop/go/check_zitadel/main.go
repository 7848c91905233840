// github.com/zitadel/oidc: its token exchange, and its resource server, which asks.
package main

import (
	"context"
	"os"

	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"tessera.example/interop/demo"
)

func main() {
	ctx := context.Background()
	exchanger := demo.Must(tokenexchange.NewTokenExchangerClientCredentials(ctx, demo.Issuer, demo.Client, demo.Secret))
	demo.Same("token endpoint", exchanger.TokenEndpoint(), demo.TokenURL)
	answer := demo.Must(tokenexchange.ExchangeToken(
		ctx, exchanger, demo.Subject, oidc.AccessTokenType, "", "", nil, []string{demo.Target}, []string{demo.Scope},
		oidc.AccessTokenType,
	))
	demo.Same("issued_token_type", answer.IssuedTokenType, oidc.AccessTokenType)
	demo.CheckExchanged(ctx, answer.AccessToken)

	server := demo.Must(rs.NewResourceServerClientCredentials(
		ctx, demo.Issuer, "calendar-service", os.Getenv("CALENDAR_SECRET"),
	))
	seen := demo.Must(rs.Introspect[*oidc.IntrospectionResponse](ctx, server, answer.AccessToken))
	demo.Same("active", seen.Active, true)
	demo.Same("sub", seen.Subject, demo.User)
	demo.Same("aud", []string(seen.Audience), []string{demo.Target})
	demo.Same("scope", []string(seen.Scope), []string{demo.Scope})
	seen = demo.Must(rs.Introspect[*oidc.IntrospectionResponse](ctx, server, demo.Subject))
	demo.Same("active for another API", seen.Active, false)
}
