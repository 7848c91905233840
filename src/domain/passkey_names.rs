//! What people call authenticators, browsers and systems. For lists that people read; nothing is decided by it.

/// Who makes the authenticators of a model, by its AAGUID.
const PROVIDERS: [(&str, &str); 13] = [
    ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "Apple Passwords"),
    ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
    ("adce0002-35bc-c60a-648b-0b25f1f05503", "Chrome on Mac"),
    ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
    ("9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "Windows Hello"),
    ("6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello"),
    ("53414d53-554e-4700-0000-000000000000", "Samsung Pass"),
    ("bada5566-a7aa-401f-bd96-45619a55120d", "1Password"),
    ("d548826e-79b4-40a3-a3d8-11116f7e8349", "Bitwarden"),
    ("531126d6-e717-415c-9320-3d9aa6981239", "Dashlane"),
    ("50726f74-6f6e-5061-7373-50726f746f6e", "Proton Pass"),
    ("b84e4048-15dc-4dd0-8640-f4f60813c8af", "NordPass"),
    ("0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6", "Keeper"),
];

/// Systems, by what their browsers say; the first that fits. (Telephones call themselves Linux and Macintosh too.)
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Browsers, by what they say; the first that fits. (Nearly all call themselves Safari, and many Chrome.)
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Who makes the authenticators of a model, where that is known.
pub fn provider_of(aaguid: &str) -> Option<&'static str> {
    PROVIDERS.iter().find(|(id, _)| *id == aaguid).map(|(_, name)| *name)
}

/// The system that a browser says it runs on.
pub fn os_of(user_agent: &str) -> Option<&'static str> {
    first(&SYSTEMS, user_agent)
}

/// Which browser it says it is.
pub fn browser_of(user_agent: &str) -> Option<&'static str> {
    first(&BROWSERS, user_agent)
}

fn first(names: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    names.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_by_their_own_names() {
        let chrome =
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36";
        assert_eq!((os_of(chrome), browser_of(chrome)), (Some("Android"), Some("Chrome")));
        let safari =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 Version/17.5 Safari/604.1";
        assert_eq!((os_of(safari), browser_of(safari)), (Some("iOS"), Some("Safari")));
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0";
        assert_eq!((os_of(edge), browser_of(edge)), (Some("Windows"), Some("Edge")));
        assert_eq!((os_of("curl/8"), browser_of("curl/8")), (None, None));
        assert_eq!(provider_of("d548826e-79b4-40a3-a3d8-11116f7e8349"), Some("Bitwarden"));
        assert_eq!(provider_of("00000000-0000-0000-0000-000000000000"), None);
    }
}
