// golang.org/x/oauth2/google/externalaccount: Google's client of workload identity federation, pointed at Tessera.
package main

import (
	"context"

	"golang.org/x/oauth2/google/externalaccount"

	"tessera.example/interop/demo"
)

type supplier struct{}

func (supplier) SubjectToken(context.Context, externalaccount.SupplierOptions) (string, error) {
	return demo.Subject, nil
}

func main() {
	ctx := context.Background()
	source := demo.Must(externalaccount.NewTokenSource(ctx, externalaccount.Config{
		Audience: demo.Target, SubjectTokenType: demo.AccessToken, TokenURL: demo.TokenURL, ClientID: demo.Client,
		ClientSecret: demo.Secret, Scopes: []string{demo.Scope}, SubjectTokenSupplier: supplier{},
	}))
	demo.CheckExchanged(ctx, demo.Must(source.Token()).AccessToken)
}
