import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What the checks know of the running server and its demo environment. */
final class Demo {
    static final String ISSUER = System.getenv("ISSUER");
    /** The issuer of plain_jwt.toml. */
    static final String PLAIN = System.getenv("PLAIN_ISSUER");
    static final String BFF = "bff";
    static final String BFF_SECRET = System.getenv("BFF_SECRET");
    static final String CALENDAR = "calendar-service";
    static final String CALENDAR_SECRET = System.getenv("CALENDAR_SECRET");
    static final String SUBJECT = System.getenv("SUBJECT_TOKEN");
    static final String READER = "reader";
    static final String READER_SECRET = "a-secret-of-the-reader-with-more-than-32-characters";
    /** Of whom the demo's token speaks. */
    static final String USER = "4f9d3c1e-8a57-4d0b-9a57-0d3c5d6f1b2a";
    static final String TARGET = "resource-api";
    static final String PLAIN_TARGET = "https://calendar.example";
    static final String SCOPE = "calendar.edit";

    private Demo() {}

    /** Something that must fail. */
    interface Attempt {
        void make() throws Exception;
    }

    static void same(String what, Object got, Object wanted) {
        if (!Objects.equals(got, wanted)) {
            throw new AssertionError(what + " is " + got + ", not " + wanted);
        }
    }

    /** Fails with that exception, and its text has {@code words}. */
    static void refused(String what, Class<? extends Exception> kind, String words, Attempt attempt) throws Exception {
        try {
            attempt.make();
        } catch (Exception error) {
            if (kind.isInstance(error) && String.valueOf(error.getMessage()).contains(words)) {
                return;
            }
            throw error;
        }
        throw new AssertionError(what + " was not refused");
    }

    /** What the demo's exchange gives. */
    static void exchanged(Map<String, Object> claims) {
        same("sub", claims.get("sub"), USER);
        same("act", claims.get("act"), Map.of("iss", ISSUER, "sub", BFF));
        same("scope", claims.get("scope"), List.of(SCOPE));
    }
}
