// Package demo is what the checks know of the running server and its demo environment.
package demo

import (
	"context"
	"fmt"
	"os"
	"reflect"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	Client = "bff"
	Target = "resource-api"
	Scope  = "calendar.edit"
	// User is of whom the demo's token speaks.
	User          = "4f9d3c1e-8a57-4d0b-9a57-0d3c5d6f1b2a"
	AccessToken   = "urn:ietf:params:oauth:token-type:access_token"
	TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
)

var (
	Issuer   = os.Getenv("ISSUER")
	TokenURL = Issuer + "/token"
	Secret   = os.Getenv("BFF_SECRET")
	Subject  = os.Getenv("SUBJECT_TOKEN")
	// Plain is the issuer of plain_jwt.toml.
	Plain = os.Getenv("PLAIN_ISSUER")
)

// Check ends the program where something went wrong.
func Check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Must is Check for a call that gives something.
func Must[T any](value T, err error) T {
	Check(err)
	return value
}

// Same ends the program where two things differ.
func Same(what string, got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		Check(fmt.Errorf("%s is %v, not %v", what, got, wanted))
	}
}

// Claims verifies an access token as go-oidc does by default, and gives its claims.
func Claims(ctx context.Context, issuer, audience, token string) map[string]any {
	provider := Must(oidc.NewProvider(ctx, issuer))
	verified := Must(provider.Verifier(&oidc.Config{ClientID: audience}).Verify(ctx, token))
	claims := map[string]any{}
	Check(verified.Claims(&claims))
	return claims
}

// CheckExchanged checks what the demo's exchange gives.
func CheckExchanged(ctx context.Context, token string) {
	claims := Claims(ctx, Issuer, Target, token)
	Same("sub", claims["sub"], User)
	Same("act", claims["act"], map[string]any{"iss": Issuer, "sub": Client})
	Same("scope", claims["scope"], []any{Scope})
}
