// github.com/coreos/go-oidc: discovery and its verifier, which refuses what it should.
package main

import (
	"context"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"tessera.example/interop/demo"
)

func main() {
	ctx := context.Background()
	provider := demo.Must(oidc.NewProvider(ctx, demo.Issuer))
	demo.Same("token_endpoint", provider.Endpoint().TokenURL, demo.TokenURL)
	claims := demo.Claims(ctx, demo.Issuer, "bff-api", demo.Subject)
	demo.Same("sub", claims["sub"], demo.User)

	parts := strings.Split(demo.Subject, ".")
	changed := "A"
	if strings.HasPrefix(parts[2], changed) {
		changed = "B"
	}
	forged := strings.Join([]string{parts[0], parts[1], changed + parts[2][1:]}, ".")
	for _, bad := range []struct{ audience, token string }{{demo.Target, demo.Subject}, {"bff-api", forged}} {
		if _, err := provider.Verifier(&oidc.Config{ClientID: bad.audience}).Verify(ctx, bad.token); err == nil {
			demo.Check(errors.New("a bad token was accepted"))
		}
	}
	// Of another issuer of the same server.
	other := demo.Must(oidc.NewProvider(ctx, demo.Plain))
	if _, err := other.Verifier(&oidc.Config{ClientID: "bff-api"}).Verify(ctx, demo.Subject); err == nil {
		demo.Check(errors.New("a token of another environment was accepted"))
	}
}
