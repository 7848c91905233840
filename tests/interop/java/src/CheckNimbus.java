import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.oauth2.sdk.AuthorizationGrant;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.Audience;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.BearerAccessToken;
import com.nimbusds.oauth2.sdk.token.TokenTypeURI;
import com.nimbusds.oauth2.sdk.tokenexchange.TokenExchangeGrant;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import java.net.URI;
import java.util.List;
import java.util.Set;

/** The OAuth SDK of Connect2id: metadata, client credentials, token exchange, introspection, revocation, and its verifier. */
public final class CheckNimbus {
    private static final ClientAuthentication BFF =
        new ClientSecretBasic(new ClientID(Demo.BFF), new Secret(Demo.BFF_SECRET));

    public static void main(String[] arguments) throws Exception {
        AuthorizationServerMetadata server = AuthorizationServerMetadata.resolve(new Issuer(Demo.ISSUER));
        Demo.same("issuer", OIDCProviderMetadata.resolve(new Issuer(Demo.ISSUER)).getIssuer(), server.getIssuer());

        ClientAuthentication post = new ClientSecretPost(new ClientID(Demo.BFF), new Secret(Demo.BFF_SECRET));
        for (ClientAuthentication way : List.of(BFF, post)) {
            AccessToken own = success(send(server, way, new ClientCredentialsGrant(), Demo.SCOPE));
            JWTClaimsSet claims = processor(server, Demo.ISSUER, Demo.TARGET, "at+jwt").process(own.getValue(), null);
            Demo.same("sub", claims.getSubject(), Demo.BFF);
        }
        TokenResponse refused = send(server, BFF, new ClientCredentialsGrant(), "calendar.delete");
        Demo.same("error", refused.toErrorResponse().getErrorObject().getCode(), "invalid_scope");

        AuthorizationGrant exchange = new TokenExchangeGrant(
            new BearerAccessToken(Demo.SUBJECT), TokenTypeURI.ACCESS_TOKEN, null, null, TokenTypeURI.ACCESS_TOKEN,
            List.of(new Audience(Demo.TARGET)));
        AccessToken exchanged = success(send(server, BFF, exchange, Demo.SCOPE));
        Demo.same("issued_token_type", exchanged.getIssuedTokenType(), TokenTypeURI.ACCESS_TOKEN);
        Demo.exchanged(processor(server, Demo.ISSUER, Demo.TARGET, "at+jwt").process(exchanged.getValue(), null).getClaims());
        Demo.refused("a token for another API", BadJOSEException.class, "aud", () ->
            processor(server, Demo.ISSUER, "reports-api", "at+jwt").process(exchanged.getValue(), null));

        ClientAuthentication calendar =
            new ClientSecretBasic(new ClientID(Demo.CALENDAR), new Secret(Demo.CALENDAR_SECRET));
        Demo.same("active", isActive(server, calendar, exchanged), true);
        var revocation = new TokenRevocationRequest(server.getRevocationEndpointURI(), BFF, exchanged);
        Demo.same("revocation", revocation.toHTTPRequest().send().getStatusCode(), 200);
        Demo.same("active when revoked", isActive(server, calendar, exchanged), false);

        checkTypes(server, exchanged);
    }

    /** By default the library takes `JWT` or no type: what `token_typ = "JWT"` is for. */
    private static void checkTypes(AuthorizationServerMetadata server, AccessToken ofTypeAccess) throws Exception {
        Demo.refused("at+jwt by default", BadJOSEException.class, "typ", () ->
            processor(server, Demo.ISSUER, Demo.TARGET, null).process(ofTypeAccess.getValue(), null));

        AuthorizationServerMetadata plain = AuthorizationServerMetadata.resolve(new Issuer(Demo.PLAIN));
        ClientAuthentication reader = new ClientSecretBasic(new ClientID(Demo.READER), new Secret(Demo.READER_SECRET));
        AccessToken token = success(send(plain, reader, new ClientCredentialsGrant(), "calendar.read"));
        JWTClaimsSet claims = processor(plain, Demo.PLAIN, Demo.PLAIN_TARGET, null).process(token.getValue(), null);
        Demo.same("sub", claims.getSubject(), Demo.READER);
        Demo.refused("JWT where at+jwt is wanted", BadJOSEException.class, "typ", () ->
            processor(plain, Demo.PLAIN, Demo.PLAIN_TARGET, "at+jwt").process(token.getValue(), null));
    }

    private static TokenResponse send(
        AuthorizationServerMetadata server, ClientAuthentication client, AuthorizationGrant grant, String scope)
        throws Exception {
        URI endpoint = server.getTokenEndpointURI();
        var request = new TokenRequest.Builder(endpoint, client, grant).scope(new Scope(scope)).build();
        return TokenResponse.parse(request.toHTTPRequest().send());
    }

    private static AccessToken success(TokenResponse response) {
        if (!response.indicatesSuccess()) {
            throw new AssertionError("refused: " + response.toErrorResponse().toJSONObject());
        }
        return response.toSuccessResponse().getTokens().getAccessToken();
    }

    private static boolean isActive(AuthorizationServerMetadata server, ClientAuthentication client, AccessToken token)
        throws Exception {
        var request = new TokenIntrospectionRequest(server.getIntrospectionEndpointURI(), client, token);
        var response = TokenIntrospectionResponse.parse(request.toHTTPRequest().send());
        return response.toSuccessResponse().isActive();
    }

    /** The verifier of an API; {@code type} is what it is told of the header, if anything. */
    private static DefaultJWTProcessor<SecurityContext> processor(
        AuthorizationServerMetadata server, String issuer, String audience, String type) throws Exception {
        var processor = new DefaultJWTProcessor<SecurityContext>();
        var keys = JWKSourceBuilder.create(server.getJWKSetURI().toURL()).build();
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.RS256, keys));
        if (type != null) {
            processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType(type)));
        }
        var exact = new JWTClaimsSet.Builder().issuer(issuer).build();
        processor.setJWTClaimsSetVerifier(
            new DefaultJWTClaimsVerifier<>(audience, exact, Set.of("sub", "iat", "exp", "jti", "client_id")));
        return processor;
    }
}
