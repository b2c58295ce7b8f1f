//! Figures of all domains by one call (`virConnectGetAllDomainStats`).

use std::ffi::{c_char, c_int};
use std::ptr;

use virt::connect::Connect;
use virt::error::Error;
use virt::sys;

use super::super::stats::{DomainStats, StatValue};
use super::{text, uuid};

/// What libvirt allocated: an array of records, ended by null.
struct Records(*mut sys::virDomainStatsRecordPtr);

impl Drop for Records {
    fn drop(&mut self) {
        // SAFETY: the array came from virConnectGetAllDomainStats, is freed here alone, and nothing points into it: what
        // is given out was copied.
        unsafe { sys::virDomainStatsRecordListFree(self.0) }
    }
}

pub(in super::super) fn all_domain_stats(
    conn: &Connect,
    groups: u32,
    flags: u32,
) -> Result<Vec<DomainStats>, Error> {
    let mut array = ptr::null_mut();
    // SAFETY: the connection is open while `conn` lives, and libvirt writes one pointer to `array`.
    let count = unsafe { sys::virConnectGetAllDomainStats(conn.as_ptr(), groups, &raw mut array, flags) };
    let Ok(count) = usize::try_from(count) else {
        return Err(Error::last_error());
    };
    if array.is_null() {
        return Ok(Vec::new());
    }
    let records = Records(array);
    // SAFETY: on success libvirt allocated `count` pointers to records, which `records` keeps.
    let pointers = unsafe { std::slice::from_raw_parts(records.0, count) };
    Ok(pointers
        .iter()
        // SAFETY: each points to a record that `records` keeps, or is null.
        .filter_map(|record| unsafe { record.as_ref() })
        // SAFETY: the record is libvirt's, and whole.
        .filter_map(|record| unsafe { copied(record) })
        .collect())
}

/// # Safety
/// The record is one that libvirt filled: its domain is valid, and `params` has `nparams` entries.
unsafe fn copied(record: &sys::virDomainStatsRecord) -> Option<DomainStats> {
    let values = match usize::try_from(record.nparams) {
        Ok(count) if count > 0 && !record.params.is_null() => {
            // SAFETY: by the caller's promise.
            let parameters = unsafe { std::slice::from_raw_parts(record.params, count) };
            parameters
                .iter()
                // SAFETY: libvirt filled it.
                .filter_map(|parameter| Some((name(&parameter.field), unsafe { value(parameter) }?)))
                .collect()
        }
        _ => std::collections::BTreeMap::new(),
    };
    Some(DomainStats {
        // SAFETY: by the caller's promise.
        domain: unsafe { uuid(record.dom) }?,
        // SAFETY: the domain is valid, and keeps its name as long as itself.
        name: unsafe { text(sys::virDomainGetName(record.dom)) },
        values,
    })
}

/// A name in a field of fixed size, ended by NUL if it is shorter.
fn name(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field
        .iter()
        .map(|character| character.to_ne_bytes()[0])
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// # Safety
/// libvirt filled the parameter: its type says which member of the union was written.
unsafe fn value(parameter: &sys::virTypedParameter) -> Option<StatValue> {
    const INT: c_int = sys::VIR_TYPED_PARAM_INT.cast_signed();
    const UINT: c_int = sys::VIR_TYPED_PARAM_UINT.cast_signed();
    const LONG: c_int = sys::VIR_TYPED_PARAM_LLONG.cast_signed();
    const ULONG: c_int = sys::VIR_TYPED_PARAM_ULLONG.cast_signed();
    const DOUBLE: c_int = sys::VIR_TYPED_PARAM_DOUBLE.cast_signed();
    const BOOLEAN: c_int = sys::VIR_TYPED_PARAM_BOOLEAN.cast_signed();
    const STRING: c_int = sys::VIR_TYPED_PARAM_STRING.cast_signed();
    let value = &parameter.value;
    // SAFETY: each arm reads the member that the type names, by the caller's promise; a string is one with an end.
    Some(unsafe {
        match parameter.type_ {
            INT => StatValue::Int(value.i.into()),
            UINT => StatValue::UInt(value.ui.into()),
            LONG => StatValue::Int(value.l),
            ULONG => StatValue::UInt(value.ul),
            DOUBLE => StatValue::Double(value.d),
            BOOLEAN => StatValue::Bool(value.b != 0),
            STRING => StatValue::Text(text(value.s)),
            _ => return None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(kind: u32, value: sys::_virTypedParameter__bindgen_ty_1) -> sys::virTypedParameter {
        let mut field = [0; 80];
        for (place, byte) in field.iter_mut().zip(b"cpu.time") {
            *place = c_char::from_ne_bytes([*byte]);
        }
        sys::virTypedParameter {
            field,
            type_: kind.cast_signed(),
            value,
        }
    }

    #[test]
    fn a_name_ends_with_its_nul_or_its_field() {
        let named = parameter(1, sys::_virTypedParameter__bindgen_ty_1 { i: 0 });
        assert_eq!(name(&named.field), "cpu.time");
        assert_eq!(name(&[c_char::from_ne_bytes([b'x']); 80]).len(), 80);
    }

    #[test]
    fn a_value_is_read_by_its_type() {
        use sys::_virTypedParameter__bindgen_ty_1 as Value;
        let words = c"words";
        for (kind, member, expected) in [
            (
                sys::VIR_TYPED_PARAM_INT,
                Value { i: -7 },
                Some(StatValue::Int(-7)),
            ),
            (
                sys::VIR_TYPED_PARAM_UINT,
                Value { ui: 7 },
                Some(StatValue::UInt(7)),
            ),
            (
                sys::VIR_TYPED_PARAM_LLONG,
                Value { l: i64::MIN },
                Some(StatValue::Int(i64::MIN)),
            ),
            (
                sys::VIR_TYPED_PARAM_ULLONG,
                Value { ul: u64::MAX },
                Some(StatValue::UInt(u64::MAX)),
            ),
            (
                sys::VIR_TYPED_PARAM_DOUBLE,
                Value { d: 0.5 },
                Some(StatValue::Double(0.5)),
            ),
            (
                sys::VIR_TYPED_PARAM_BOOLEAN,
                Value { b: 1 },
                Some(StatValue::Bool(true)),
            ),
            (
                sys::VIR_TYPED_PARAM_STRING,
                Value {
                    s: words.as_ptr().cast_mut(),
                },
                Some(StatValue::Text("words".to_owned())),
            ),
            (99, Value { ul: 1 }, None),
        ] {
            // SAFETY: the member was written as the type says.
            assert_eq!(unsafe { value(&parameter(kind, member)) }, expected);
        }
    }
}
