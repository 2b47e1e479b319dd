//! Why something was refused or dropped, in words for people. Pure; a fault's label is for machines, this is for the page and
//! the terminal.

use facility_drivers::Fault;

/// The fault of a label, if this version knows it.
#[must_use]
pub(crate) fn fault(label: &str) -> Option<Fault> {
    Fault::ALL.into_iter().find(|fault| fault.label() == label)
}

/// A label in words; itself, if this version does not know it.
#[must_use]
pub(crate) fn of_label(label: &str) -> &str {
    fault(label).map_or(label, |fault| words(fault).0)
}

/// A reason in words: English, Chinese.
#[must_use]
pub(crate) fn words(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Undecodable => ("not what the profile says the body is", "报文格式与型号文件不符"),
        Fault::Oversize => ("too large, or too many values", "报文过大或数值过多"),
        Fault::UnknownDevice => ("no such device is declared", "设备未登记"),
        Fault::ForeignId => ("the id inside is not the one of the topic", "报文内编号与主题不一致"),
        Fault::MissingField => ("a required field is missing", "缺少必需字段"),
        Fault::UnknownMessage => ("none of the profile's messages looks like it", "型号文件中没有这种报文"),
        Fault::Retained => ("kept by the broker, too old to say anything about now", "服务器保留的旧消息"),
        Fault::RateLimited => ("the device sends more than it may", "设备发送过于频繁"),
        Fault::NoBirth => ("the device has not introduced itself (Sparkplug birth)", "尚未收到 Sparkplug birth 消息"),
        Fault::Duplicate => ("here already", "重复"),
        Fault::UnknownField => ("not named in the profile", "型号文件中未列出"),
        Fault::WrongType => ("of another type than the profile says", "类型与型号文件不符"),
        Fault::NotFinite => ("no finite number", "不是有限数值"),
        Fault::OutOfRange => ("outside the believable range", "超出可信范围"),
        Fault::BadText => ("too long, no word the profile knows, or not the JSON it should be", "文本过长、不在词表中或不是应有的 JSON"),
        Fault::Personal => ("may be personal data", "可能含个人信息"),
        Fault::TooManySeries => ("more points and parts than one device may have", "测点或部件数量超限"),
        Fault::ClockAhead => ("the device's clock is ahead", "设备时钟超前"),
        Fault::ClockBehind => ("the device's clock is far behind", "设备时钟严重落后"),
        Fault::ClockUnset => ("the gateway's clock is not set", "网关时钟未设置"),
        Fault::Timeout => ("no answer in time", "超时无应答"),
        Fault::Exception => ("refused by the device", "设备拒绝"),
        Fault::Late => ("an answer that came too late", "迟到的应答"),
        Fault::Foreign => ("an answer to somebody else", "非本请求的应答"),
        Fault::Doubled => ("an answer that came twice", "重复的应答"),
        Fault::Echoed => ("our own question", "回显"),
        Fault::Truncated => ("cut short", "应答不完整"),
        Fault::WrongLength => ("of another length than asked for", "长度不符"),
        Fault::BadChecksum => ("damaged", "校验错误"),
        Fault::Malformed => ("noise", "噪声"),
        Fault::Disconnected => ("the line is down", "链路断开"),
    }
}

/// What to do about a message that was refused for it.
#[must_use]
pub(crate) fn next(fault: Fault) -> &'static str {
    match fault {
        Fault::Undecodable => {
            "Compare the body with `format` in the profile (json, cbor, plain, dts, sparkplug); a message that was cut short is the device's fault."
        }
        Fault::Oversize => "Let the device send less at once; nothing larger than 256 KiB is decoded.",
        Fault::UnknownDevice => {
            "Declare the device: `facility-gateway mqtt strangers` lists those that were heard, `facility-gateway mqtt adopt ID` declares one. If it is declared, compare topic and `topic_id`."
        }
        Fault::ForeignId => "Compare the id in the body with `topic_id` of the device; or leave `id` out of the profile.",
        Fault::MissingField => {
            "See which place of `required` is not in the message; firmware differs, a copy of the profile in profiles.d may ask for less."
        }
        Fault::UnknownMessage => {
            "Compare the message with the `when` of the profile's messages; add one for it in a copy of the profile in profiles.d."
        }
        Fault::Retained => "Nothing, if the device speaks again soon; `retained = \"take\"` of the broker takes such messages too.",
        Fault::RateLimited => "Find out why the device sends so much; `messages_per_s_max` of the device allows more.",
        Fault::NoBirth => "Restart the Sparkplug node, or let its host ask it for a rebirth: this gateway only listens and cannot ask.",
        _ => "See what the device sends with `facility-gateway mqtt tail --device ID`.",
    }
}
