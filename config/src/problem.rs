//! What is wrong with a configuration, for people and for scripts.
//!
//! A [`Problem`] carries everything needed to show it, the offending line included, so that the texts need not be
//! kept. The line has passed `text.rs`, which blanks out anything that looks like a secret.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use std::fmt;

macro_rules! codes {
    ($( $name:ident $code:literal $zh:literal; )*) => {
        $( pub(crate) const $name: &str = $code; )*
        /// Every code with its Chinese title. A code never changes its meaning; `GW-C1xx` are warnings.
        pub const CODES: &[(&str, &str)] = &[ $( ($code, $zh), )* ];
    };
}

codes! {
    UNREADABLE "GW-C001" "配置文件无法读取";
    SYNTAX "GW-C002" "TOML 语法错误";
    UNKNOWN_KEY "GW-C003" "未知的设置项";
    WRONG_TYPE "GW-C004" "值的类型不符";
    OUT_OF_RANGE "GW-C005" "值超出允许范围";
    NOT_A_CHOICE "GW-C006" "不在可选值之内";
    MISSING "GW-C007" "缺少必填设置";
    PLACEHOLDER "GW-C008" "占位符尚未替换";
    BAD_NAME "GW-C009" "名称或编号不合规";
    UNKNOWN_VARIABLE "GW-C010" "环境变量与任何设置项都不对应";
    LITERAL_SECRET "GW-C011" "不得在配置中直接写密钥";
    SECRET_UNUSABLE "GW-C012" "密钥或证书文件不可用";
    SECRET_EXPOSED "GW-C013" "密钥文件权限过宽";
    BAD_ADDRESS "GW-C014" "地址格式不正确";
    UNKNOWN_REFERENCE "GW-C015" "引用的名称不存在";
    CONFLICT "GW-C016" "设置互相矛盾";
    DUPLICATE "GW-C017" "重复定义";
    TOO_MANY "GW-C018" "数量超过上限";
    NOT_LOOPBACK "GW-C019" "监听地址必须是本机回环地址";
    INTERNAL "GW-C020" "程序内部错误，请报告";
    BAD_PROFILE "GW-C021" "设备型号文件不可用";
    NO_DEVICES "GW-C101" "未声明任何设备";
    UNUSED "GW-C102" "已声明但无设备使用";
    DECLARED_TWICE "GW-C103" "同一设备在两个文件中声明";
    LOOKS_LIKE_SETTING "GW-C104" "环境变量被忽略";
    UNSTABLE_PATH "GW-C105" "串口名称重新插拔后可能改变";
    NO_COLD_CLASS "GW-C106" "冷柜未声明温度等级";
    PLAIN_TEXT_SECRET "GW-C107" "密钥经未加密连接发送";
    NO_DOOR_POLARITY "GW-C109" "锁控板门状态极性未确认";
    CREDENTIAL_NOT_SEEN "GW-C110" "凭据只在 systemd 启动时可用，此处未检查";
    CALIBRATION_UNKNOWN "GW-C111" "未声明探头校准日期";
    CALIBRATION_DUE "GW-C112" "探头校准已过期";
    NOT_LISTED "GW-C108" "其余问题未列出";
}

/// Where in a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path as it was opened, or the name given to [`from_toml`](crate::from_toml).
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters to underline; at least 1.
    pub len: usize,
    /// The line itself with secrets blanked out; empty if it is too long to show.
    pub text: String,
}

/// One thing that is wrong, or that should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, one of [`CODES`].
    pub code: &'static str,
    /// Setting it is about, e.g. `device.lk-0001.unit`; empty if it is about a whole file.
    pub key: String,
    /// Where it is written; `None` for environment variables.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Problem {
    /// Whether the gateway runs in spite of it.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.code.starts_with("GW-C1")
    }

    /// Chinese title of its code.
    #[must_use]
    pub fn title_zh(&self) -> &'static str {
        CODES.iter().find(|(code, _)| *code == self.code).map_or("", |(_, zh)| zh)
    }
}

/// Everything that is wrong with a configuration, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// For people: code, place, line and hint of each, the way rustc writes them. `color` adds ANSI colours.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        self.0.iter().map(|problem| render_one(&renderer, problem)).collect::<Vec<_>>().join("\n\n")
    }

    /// For scripts: a JSON array of objects with `code`, `key`, `file`, `line`, `column`, `message` and `hint`; what
    /// does not apply is null.
    #[must_use]
    pub fn to_json(&self) -> String {
        let rows: Vec<_> = self.0.iter().map(Row::of).collect();
        serde_json::to_string(&rows).unwrap_or_default()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

#[derive(Serialize)]
struct Row<'a> {
    code: &'a str,
    key: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(problem: &'a Problem) -> Self {
        let place = problem.place.as_ref();
        Self {
            code: problem.code,
            key: &problem.key,
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}

fn render_one(renderer: &Renderer, problem: &Problem) -> String {
    let level = if problem.is_warning() { Level::WARNING } else { Level::ERROR };
    let title = format!("{} · {}", problem.message, problem.title_zh());
    let mut group = annotate_snippets::Group::with_title(level.primary_title(title).id(problem.code));
    if let Some(place) = &problem.place {
        group = match underlined(place) {
            Some(span) => group.element(
                Snippet::source(place.text.as_str())
                    .line_start(place.line)
                    .path(place.file.as_str())
                    .annotation(AnnotationKind::Primary.span(span)),
            ),
            None => group.element(Origin::path(place.file.as_str()).line(place.line).char_column(place.column)),
        };
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// Bytes of the line to underline; `None` if the line is not shown.
fn underlined(place: &Place) -> Option<std::ops::Range<usize>> {
    if place.text.is_empty() {
        return None;
    }
    let byte_of = |column: usize| place.text.char_indices().nth(column).map_or(place.text.len(), |(at, _)| at);
    let start = place.column.saturating_sub(1);
    Some(byte_of(start)..byte_of(start.saturating_add(place.len)))
}
