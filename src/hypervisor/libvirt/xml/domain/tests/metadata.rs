use proptest::prelude::*;

use super::*;

const MARK: &str = "<!-- drover/v1 cluster=c id=1 -->";

fn record(slot: &str) -> Making {
    Making {
        slot: slot.to_owned(),
        name: format!("drover-1-{slot}.qcow2"),
        pool: "default".to_owned(),
    }
}

#[test]
fn the_mark_stands_apart_from_what_people_wrote() {
    let marked = with_mark(OLD, &format!("made by hand\n{MARK}")).unwrap();
    let domain = tree(&marked);
    assert_eq!(domain.child("description").unwrap().text(), "made by hand");
    assert!(marked.contains(
        "<drover:guest xmlns:drover=\"https://drover.dev/libvirt/1\"><drover:mark>&lt;!-- drover/v1 cluster=c id=1 --&gt;</drover:mark></drover:guest>"
    ));
    assert_eq!(look(&marked, None).description, format!("made by hand\n{MARK}"));
    let cleared = with_mark(&marked, "").unwrap();
    assert_eq!(look(&cleared, None).description, "");
    assert!(!cleared.contains("drover") && !cleared.contains("<metadata"));
}

#[test]
fn a_mark_that_stands_by_itself_is_read_and_moved_to_the_others() {
    assert!(look(SHOP, None).description.contains("drover/v1"));
    let altered = with_mark(SHOP, MARK).unwrap();
    assert_eq!(altered.matches("drover/v1").count(), 1);
    assert!(altered.contains("<libosinfo:os id=\"http://debian.org/debian/12\"/>"));
    let metadata = tree(&altered);
    let ours = metadata.child("metadata").unwrap().children();
    let ours = ours.filter(|child| child.namespace() == Some("https://drover.dev/libvirt/1"));
    assert_eq!(ours.count(), 1, "libvirt keeps the first of a namespace alone");
}

#[test]
fn another_prefix_for_our_namespace_is_no_obstacle() {
    let other = "<domain><metadata><d:guest xmlns:d='https://drover.dev/libvirt/1'><d:tags>a b</d:tags>\
        <d:making><d:volume slot='scsi0' name='n' pool='p'/></d:making></d:guest></metadata></domain>";
    assert_eq!(making(other).unwrap().len(), 1);
    let marked = with_mark(other, MARK).unwrap();
    assert_eq!(making(&marked).unwrap().len(), 1);
    let config = look(&marked, None);
    assert_eq!(config.description, MARK);
    assert_eq!(config.next.tags.len(), 2);
}

#[test]
fn what_others_keep_in_elements_of_that_name_is_not_ours() {
    let foreign = format!(
        "<domain><metadata><x:app xmlns:x='urn:x'><x:mark>{0}</x:mark><d:mark xmlns:d='https://drover.dev/libvirt/1'>\
         {0}</d:mark></x:app></metadata></domain>",
        "drover/v1 id=1"
    );
    assert_eq!(look(&foreign, None).description, "");
}

#[test]
fn records_of_volumes_come_and_go() {
    let one = add_making(SHOP, &record("scsi1")).unwrap();
    let two = add_making(&one, &record("virtio0")).unwrap();
    let again = add_making(&two, &record("scsi1")).unwrap();
    assert_eq!(making(&again).unwrap(), [record("virtio0"), record("scsi1")]);
    assert_eq!(look(&again, None).description, look(SHOP, None).description);
    let left = remove_making(&again, "virtio0").unwrap();
    assert_eq!(making(&left).unwrap(), [record("scsi1")]);
    let none = remove_making(&left, "scsi1").unwrap();
    assert!(making(&none).unwrap().is_empty() && !none.contains("making"));
}

#[test]
fn a_template_is_one_until_it_is_gone() {
    assert!(!look(SHOP, None).template);
    assert!(look(&as_template(SHOP).unwrap(), None).template);
}

proptest! {
    #[test]
    fn what_people_write_comes_back(notes in "[a-zA-Z ü<>&!-]{0,30}(\n[a-z ]{0,20}){0,4}", marked: bool) {
        let notes = notes.trim_end();
        let description = match (notes.is_empty(), marked) {
            (_, false) => notes.to_owned(),
            (true, true) => MARK.to_owned(),
            (false, true) => format!("{notes}\n{MARK}"),
        };
        let read = look(&with_mark(OLD, &description).unwrap(), None).description;
        prop_assert_eq!(read, description);
    }
}
