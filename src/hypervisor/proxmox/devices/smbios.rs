//! What the firmware tells the guest about the machine: `smbios1` (qemu-server, `QemuServer.pm`,
//! `pve-qm-smbios1`).

use uuid::Uuid;

use super::base64;
use crate::hypervisor::proxmox::property::{Reason, Text, Value, property_string};

property_string! {
    /// SMBIOS, type 1. The texts are encoded where `base64` says so: [`Smbios::plain`] decodes them.
    Smbios, "" {
        /// The machine's UUID, which is never encoded.
        uuid: Uuid = "uuid";
        /// Whether the texts are encoded.
        base64: bool = "base64";
        /// The manufacturer.
        manufacturer: Text = "manufacturer";
        /// The product.
        product: Text = "product";
        /// The version.
        version: Text = "version";
        /// The serial number.
        serial: Text = "serial";
        /// The number of the stock keeping unit.
        sku: Text = "sku";
        /// The family.
        family: Text = "family";
    }
}

impl Smbios {
    /// What a text of this option means.
    pub fn plain(&self, text: &Text) -> Result<String, Reason> {
        if self.base64 != Some(true) {
            return Ok(text.to_string());
        }
        let decoded = base64::decode(text.as_str()).and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.ok_or_else(|| Reason::not(text.as_str(), "a text in Base64"))
    }

    /// Spells a text for this option. Blanks, commas, umlauts can only stand encoded (the option's pattern has
    /// but the letters of Base64): then `base64` must be set.
    pub fn spell(&self, plain: &str) -> Result<Text, Reason> {
        if plain.is_empty() {
            return Err(Reason::not(plain, "a text"));
        }
        if self.base64 == Some(true) {
            return Ok(Text::of(base64::encode(plain.as_bytes())));
        }
        Text::read(plain)
    }
}

impl Value for Uuid {
    fn read(text: &str) -> Result<Self, Reason> {
        text.trim().parse().map_err(|_| Reason::not(text, "a UUID"))
    }

    fn write(&self) -> Text {
        Text::of(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hypervisor::proxmox::property::sample::Sample;

    impl Sample for Uuid {
        fn sample() -> BoxedStrategy<Self> {
            any::<u128>().prop_map(Self::from_u128).boxed()
        }
    }

    proptest! {
        #[test]
        fn an_encoded_text_means_what_was_spelt(plain in "\\PC{1,30}") {
            let smbios = Smbios { base64: Some(true), ..Smbios::default() };
            let text = smbios.spell(&plain).unwrap();
            prop_assert_eq!(smbios.plain(&text), Ok(plain));
        }
    }

    #[test]
    fn texts_are_decoded_where_the_option_says_so() {
        let smbios: Smbios = "uuid=33cf2a23-9802-4505-9954-f6aae3116abb,manufacturer=QUJDRA==,base64=1"
            .parse()
            .unwrap();
        assert_eq!(
            smbios.plain(smbios.manufacturer.as_ref().unwrap()).as_deref(),
            Ok("ABCD")
        );
        let smbios: Smbios = "manufacturer=QUJDRA==".parse().unwrap();
        assert_eq!(
            smbios.plain(smbios.manufacturer.as_ref().unwrap()).as_deref(),
            Ok("QUJDRA==")
        );
        assert!(smbios.spell("a,b").is_err());
    }
}
