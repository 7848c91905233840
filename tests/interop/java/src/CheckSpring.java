import java.util.List;
import java.util.Objects;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.RestClientTokenExchangeTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.TokenExchangeGrantRequest;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.core.OAuth2AuthorizationException;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtDecoders;
import org.springframework.security.oauth2.jwt.JwtValidationException;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.introspection.BadOpaqueTokenException;
import org.springframework.security.oauth2.server.resource.introspection.SpringOpaqueTokenIntrospector;

/** Spring Security: its client with client credentials and token exchange, its decoders, and its introspector. */
public final class CheckSpring {
    public static void main(String[] arguments) throws Exception {
        String own = own(Demo.ISSUER, Demo.BFF, Demo.BFF_SECRET, Demo.SCOPE);
        Demo.refused("a scope", OAuth2AuthorizationException.class, "invalid_scope", () ->
            own(Demo.ISSUER, Demo.BFF, Demo.BFF_SECRET, "calendar.delete"));
        String exchanged = exchanged();
        checkAccessTokenType(own, exchanged);
        checkPlainType(own);
        checkIntrospector(exchanged);
    }

    private static ClientRegistration.Builder registration(String issuer, String id, String secret, String scope) {
        return ClientRegistrations.fromIssuerLocation(issuer).clientId(id).clientSecret(secret).scope(scope);
    }

    private static String own(String issuer, String id, String secret, String scope) {
        var client = registration(issuer, id, secret, scope)
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS).build();
        var answer = new RestClientClientCredentialsTokenResponseClient()
            .getTokenResponse(new OAuth2ClientCredentialsGrantRequest(client));
        return answer.getAccessToken().getTokenValue();
    }

    private static String exchanged() {
        var client = registration(Demo.ISSUER, Demo.BFF, Demo.BFF_SECRET, Demo.SCOPE)
            .authorizationGrantType(AuthorizationGrantType.TOKEN_EXCHANGE).build();
        var subject = new OAuth2AccessToken(OAuth2AccessToken.TokenType.BEARER, Demo.SUBJECT, null, null);
        var exchanger = new RestClientTokenExchangeTokenResponseClient();
        exchanger.addParametersConverter(request -> {
            var more = new org.springframework.util.LinkedMultiValueMap<String, String>();
            more.add("audience", Demo.TARGET);
            return more;
        });
        var answer = exchanger.getTokenResponse(new TokenExchangeGrantRequest(client, subject, null));
        Demo.same("scopes", answer.getAccessToken().getScopes(), java.util.Set.of(Demo.SCOPE));
        return answer.getAccessToken().getTokenValue();
    }

    /** The decoder of docs/resource-servers.md. */
    private static JwtDecoder documented(String issuer, String audience) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer).validateType(false).build();
        var isThere = new JwtClaimValidator<String>("client_id", Objects::nonNull);
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience)
            .validators(all -> all.put("client_id", isThere)).build());
        return decoder;
    }

    private static void checkAccessTokenType(String own, String exchanged) throws Exception {
        JwtDecoder decoder = documented(Demo.ISSUER, Demo.TARGET);
        Demo.same("sub", decoder.decode(own).getSubject(), Demo.BFF);
        Jwt token = decoder.decode(exchanged);
        Demo.same("typ", token.getHeaders().get("typ"), "at+jwt");
        Demo.exchanged(token.getClaims());
        Demo.refused("a token for another API", JwtValidationException.class, "aud", () -> decoder.decode(Demo.SUBJECT));
    }

    /** The decoder that is made from the issuer alone takes `JWT`, and refuses `at+jwt`. */
    private static void checkPlainType(String accessTyped) throws Exception {
        Demo.refused("at+jwt", BadJwtException.class, "typ", () ->
            JwtDecoders.fromIssuerLocation(Demo.ISSUER).decode(accessTyped));
        String plain = own(Demo.PLAIN, Demo.READER, Demo.READER_SECRET, "calendar.read");
        JwtDecoder decoder = JwtDecoders.fromIssuerLocation(Demo.PLAIN);
        Jwt token = decoder.decode(plain);
        Demo.same("aud", token.getAudience(), List.of(Demo.PLAIN_TARGET));
        Demo.same("token_use", token.getHeaders().get("token_use"), "access");
        Demo.refused("JWT where at+jwt is wanted", JwtValidationException.class, "typ", () ->
            documented(Demo.PLAIN, Demo.PLAIN_TARGET).decode(plain));
    }

    private static void checkIntrospector(String exchanged) throws Exception {
        var introspector = SpringOpaqueTokenIntrospector.withIntrospectionUri(Demo.ISSUER + "/introspect")
            .clientId(Demo.CALENDAR).clientSecret(Demo.CALENDAR_SECRET).build();
        var caller = introspector.introspect(exchanged);
        Demo.same("sub", caller.getAttribute("sub"), Demo.USER);
        Demo.same("authorities", caller.getAuthorities().toString(), "[SCOPE_" + Demo.SCOPE + "]");
        Demo.refused("another API's token", BadOpaqueTokenException.class, "active", () ->
            introspector.introspect(Demo.SUBJECT));
    }
}
