// golang.org/x/oauth2: client credentials, the token exchange by its parameters, and a refusal.
package main

import (
	"context"
	"errors"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"tessera.example/interop/demo"
)

func config(style oauth2.AuthStyle, scope string, parameters url.Values) clientcredentials.Config {
	return clientcredentials.Config{
		ClientID: demo.Client, ClientSecret: demo.Secret, TokenURL: demo.TokenURL, AuthStyle: style,
		Scopes: []string{scope}, EndpointParams: parameters,
	}
}

func main() {
	ctx := context.Background()
	target := url.Values{"audience": {demo.Target}}
	// AutoDetect tries the header first and remembers what worked.
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
		own := config(style, demo.Scope, target)
		token := demo.Must(own.Token(ctx))
		demo.Same("token_type", token.Type(), "Bearer")
		demo.Same("valid", token.Valid(), true)
		demo.Same("sub", demo.Claims(ctx, demo.Issuer, demo.Target, token.AccessToken)["sub"], demo.Client)
	}

	exchange := config(oauth2.AuthStyleInHeader, demo.Scope, url.Values{
		"grant_type": {demo.TokenExchange}, "subject_token": {demo.Subject}, "subject_token_type": {demo.AccessToken},
		"audience": {demo.Target},
	})
	token := demo.Must(exchange.Token(ctx))
	demo.Same("issued_token_type", token.Extra("issued_token_type"), demo.AccessToken)
	demo.CheckExchanged(ctx, token.AccessToken)

	refused := config(oauth2.AuthStyleInHeader, "calendar.delete", target)
	_, err := refused.Token(ctx)
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		demo.Check(errors.New("the scope was not refused"))
	}
	demo.Same("error", answer.ErrorCode, "invalid_scope")

	// A library that puts a slash behind a host gets the same target, under its registered name.
	plain := clientcredentials.Config{
		ClientID: "reader", ClientSecret: "a-secret-of-the-reader-with-more-than-32-characters", TokenURL: demo.Plain + "/token",
		EndpointParams: url.Values{"resource": {"https://Calendar.example:443/"}},
	}
	claims := demo.Claims(ctx, demo.Plain, "https://calendar.example", demo.Must(plain.Token(ctx)).AccessToken)
	demo.Same("aud", claims["aud"], "https://calendar.example")
}
