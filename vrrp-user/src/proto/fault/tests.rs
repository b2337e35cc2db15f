use super::*;

/// One of each kind, in the order in which they are told.
pub(crate) const ALL: [FaultReason; KINDS] = [
    FaultReason::NoInterface,
    FaultReason::LinkDown,
    FaultReason::NoMac,
    FaultReason::NoSource,
    FaultReason::NoAddress,
    FaultReason::NoRoom { mtu: 68 },
    FaultReason::VipInterface { vip: VipId(3) },
    FaultReason::VipRefused { vip: VipId(4) },
    FaultReason::NoPeer,
];

#[test]
fn reasons_are_told_in_one_order_however_they_came() {
    let backwards = Reasons::from_iter(ALL.into_iter().rev());
    assert!(backwards.iter().eq(ALL));
    assert_eq!(backwards.first(), Some(FaultReason::NoInterface));
    assert_eq!(backwards, Reasons::from_iter(ALL));
    assert_eq!(
        format!("{:?}", Reasons::from_iter([ALL[8], ALL[1]])),
        "{LinkDown, NoPeer}"
    );
}

#[test]
fn of_each_kind_the_first_counts() {
    let mut reasons = Reasons::from(FaultReason::VipInterface { vip: VipId(7) });
    reasons.insert(FaultReason::VipInterface { vip: VipId(1) });
    reasons.insert(FaultReason::LinkDown);
    let expected = [
        FaultReason::LinkDown,
        FaultReason::VipInterface { vip: VipId(7) },
    ];
    assert!(reasons.iter().eq(expected));
}

#[test]
fn one_that_keeps_adverts_from_leaving_is_enough() {
    for reason in ALL {
        assert_eq!(Reasons::from(reason).can_send(), reason.can_send());
        assert!(!Reasons::from(reason).is_empty());
        assert!(!Reasons::from_iter([reason, FaultReason::LinkDown]).can_send());
    }
    assert!(Reasons::NONE.is_empty() && Reasons::default().first().is_none());
}
