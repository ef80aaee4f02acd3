//! How somebody goes about a visit: what they truly do, and what they make the phone say. Honest people and each kind of
//! cheat differ in this alone.
//!
//! A cheat is described by what the person does, never by what a rule looks for.

use super::chance::Chance;
use super::place::Point;
use super::template::Manner;
use super::world::{Rep, Site};

/// Where the person is while the visit is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Whereabouts {
    /// At the customer.
    There,
    /// Somewhere else all the time.
    Elsewhere(Point),
    /// At the customer for this share of the steps, then gone, to that point.
    Leaves(f64, Point),
}

/// What the phone is made to say of where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// What it measures.
    Measured,
    /// A point chosen on the map, by an app the system knows to be one that simulates.
    Simulated,
    /// The same, and the system is made to keep silent.
    Silent {
        /// The point trembles as a measured one does.
        trembles: bool,
    },
    /// What was measured at this customer last time, step by step.
    Replayed,
}

/// Where the photos come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photos {
    /// Taken, of what is there.
    Taken,
    /// The files of the last visit here.
    Same,
    /// The same, cropped or compressed anew.
    Recropped,
    /// Of a screen that shows those of the last visit here.
    OfScreen,
    /// Taken by somebody else who is there, and sent.
    Sent,
}

/// See the module header.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// Where the person is.
    pub whereabouts: Whereabouts,
    /// What the phone says of it.
    pub position: Position,
    /// Where the photos come from.
    pub photos: Photos,
    /// Where the answers come from.
    pub manner: Manner,
    /// The answers are those of the last visit here, as they were.
    pub copies: bool,
    /// Time the work takes, as a share of what it takes honest people.
    pub pace: f64,
    /// How far the clock was set, in ms.
    pub clock_ms: i64,
}

impl Conduct {
    /// As it should be.
    pub const HONEST: Self = Self {
        whereabouts: Whereabouts::There,
        position: Position::Measured,
        photos: Photos::Taken,
        manner: Manner::Looks,
        copies: false,
        pace: 1.0,
        clock_ms: 0,
    };

    /// Made up at home, with photos of a screen, in half the time.
    fn at_home(home: Point, position: Position) -> Self {
        Self {
            whereabouts: Whereabouts::Elsewhere(home),
            position,
            photos: Photos::OfScreen,
            manner: Manner::MakesUp,
            pace: 0.5,
            ..Self::HONEST
        }
    }
}

/// A way to cheat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cheat {
    Simulated,
    Fixed,
    Emulator,
    Trembling,
    Teleport,
    Replay,
    Cafe,
    DriveBy,
    LeavesEarly,
    SharedPhone,
    TooMany,
    ClockSetBack,
    BackDated,
    CopiedAnswers,
    SameNotes,
    Careless,
    MadeUp,
    SamePhotos,
    RecroppedPhotos,
    PhotosOfScreen,
    SentPhotos,
    Proxy,
}

impl Cheat {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Simulated,
        Self::Fixed,
        Self::Emulator,
        Self::Trembling,
        Self::Teleport,
        Self::Replay,
        Self::Cafe,
        Self::DriveBy,
        Self::LeavesEarly,
        Self::SharedPhone,
        Self::TooMany,
        Self::ClockSetBack,
        Self::BackDated,
        Self::CopiedAnswers,
        Self::SameNotes,
        Self::Careless,
        Self::MadeUp,
        Self::SamePhotos,
        Self::RecroppedPhotos,
        Self::PhotosOfScreen,
        Self::SentPhotos,
        Self::Proxy,
    ];

    /// Name in figures.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Simulated => "simulated_position",
            Self::Fixed => "fixed_position",
            Self::Emulator => "emulator",
            Self::Trembling => "trembling_position",
            Self::Teleport => "teleport",
            Self::Replay => "replayed_positions",
            Self::Cafe => "cafe",
            Self::DriveBy => "drive_by",
            Self::LeavesEarly => "leaves_early",
            Self::SharedPhone => "shared_phone",
            Self::TooMany => "too_many_visits",
            Self::ClockSetBack => "clock_set_back",
            Self::BackDated => "back_dated",
            Self::CopiedAnswers => "copied_answers",
            Self::SameNotes => "same_notes",
            Self::Careless => "careless_answers",
            Self::MadeUp => "made_up_answers",
            Self::SamePhotos => "same_photos",
            Self::RecroppedPhotos => "recropped_photos",
            Self::PhotosOfScreen => "photos_of_screen",
            Self::SentPhotos => "sent_photos",
            Self::Proxy => "proxy",
        }
    }

    /// What the person does, in English and Chinese.
    pub const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Simulated => ("At home, with an app that simulates positions", "在家使用虚拟定位软件"),
            Self::Fixed => {
                ("At home, simulated point that never moves, system silenced", "在家固定虚拟定位点，并隐藏系统标记")
            }
            Self::Emulator => ("An emulated phone on a computer", "在电脑上使用手机模拟器"),
            Self::Trembling => {
                ("At home, simulated point that trembles, system silenced", "在家虚拟定位带抖动，并隐藏系统标记")
            }
            Self::Teleport => ("Two towns in turn within minutes", "数分钟内在两城之间来回签到"),
            Self::Replay => {
                ("At home, satellite positions of the last visit played again", "在家重放上次拜访的卫星定位")
            }
            Self::Cafe => ("In a café amid customers, going to none", "坐在客户附近的咖啡馆，一家未进"),
            Self::DriveBy => ("Past the door by car, forms filled in within two minutes", "开车路过门口，两分钟内填完"),
            Self::LeavesEarly => ("Checks in, leaves, does the rest elsewhere", "签到后离开，在别处补填"),
            Self::SharedPhone => ("A colleague carries the phone with both accounts", "同事一机代签两个账号"),
            Self::TooMany => ("At home, thirty and more visits a day", "在家一天刷三十家以上"),
            Self::ClockSetBack => {
                ("In the evening, clock set back to working hours", "晚上拜访，把手机时间调回上班时段")
            }
            Self::BackDated => ("The day after, offline, clock set to yesterday", "次日离线补录，手机时间调到前一天"),
            Self::CopiedAnswers => ("There, answers copied from the last visit", "到店，但照抄上次答案"),
            Self::SameNotes => ("There, the same notes everywhere", "到店，但每家备注雷同"),
            Self::Careless => (
                "There, first choices and round numbers, in a third of the time",
                "到店，但选项全选第一个、数字取整、匆匆填完",
            ),
            Self::MadeUp => ("There, plausible answers made up", "到店，但编造看似合理的答案"),
            Self::SamePhotos => ("There, files of the last visit as photos", "到店，但提交上次拜访的原图"),
            Self::RecroppedPhotos => {
                ("There, cropped files of the last visit as photos", "到店，但提交上次照片的裁剪图")
            }
            Self::PhotosOfScreen => ("There, photos of a screen with the last visit's", "到店，但翻拍屏幕上的旧照片"),
            Self::SentPhotos => {
                ("At home, trembling point, photos sent by a friend", "在家虚拟定位带抖动，照片由他人代拍")
            }
            Self::Proxy => ("Somebody else goes with the phone and works honestly", "他人携带手机代为拜访"),
        }
    }

    /// What is promised to be found, of a hundred such visits; none where nothing is.
    pub const fn promise(self) -> Option<f64> {
        match self {
            Self::Simulated | Self::Teleport | Self::Replay => Some(99.0),
            Self::Fixed | Self::Emulator | Self::SharedPhone => Some(95.0),
            Self::SamePhotos => Some(100.0),
            _ => None,
        }
    }

    /// It can only be done where somebody was before.
    pub const fn needs_past(self) -> bool {
        matches!(
            self,
            Self::Replay | Self::CopiedAnswers | Self::SamePhotos | Self::RecroppedPhotos | Self::PhotosOfScreen
        )
    }

    /// It can only be done where photos were handed in before.
    pub const fn needs_photos(self) -> bool {
        matches!(self, Self::SamePhotos | Self::RecroppedPhotos | Self::PhotosOfScreen)
    }

    /// It can only be done where satellites placed the last visit: what a network says is the same for everybody every time.
    pub const fn needs_positions(self) -> bool {
        matches!(self, Self::Replay)
    }

    /// How such a person goes about a visit.
    pub fn conduct(self, chance: Chance, rep: &Rep, site: &Site, street: Point) -> Conduct {
        use Whereabouts::{Elsewhere, Leaves};
        let there = Conduct::HONEST;
        match self {
            Self::Simulated => Conduct::at_home(rep.home, Position::Simulated),
            Self::Fixed | Self::Emulator => Conduct::at_home(rep.home, Position::Silent { trembles: false }),
            Self::Trembling => Conduct::at_home(rep.home, Position::Silent { trembles: true }),
            Self::Teleport => Conduct { pace: 0.4, ..Conduct::at_home(rep.home, Position::Silent { trembles: true }) },
            Self::TooMany => Conduct { pace: 0.25, ..Conduct::at_home(rep.home, Position::Silent { trembles: true }) },
            Self::Replay => Conduct::at_home(rep.home, Position::Replayed),
            Self::Cafe => Conduct {
                whereabouts: Elsewhere(street),
                photos: Photos::OfScreen,
                manner: Manner::MakesUp,
                pace: 0.5,
                ..there
            },
            Self::DriveBy => {
                let past = site.door.away(chance.between("past", 400.0, 2500.0), chance.between("road", 0.0, 360.0));
                Conduct {
                    whereabouts: Leaves(0.3, past),
                    manner: Manner::MakesUp,
                    pace: chance.between("in a hurry", 0.02, 0.08),
                    ..there
                }
            }
            Self::LeavesEarly => {
                let gone = site.door.away(chance.between("gone", 700.0, 5000.0), chance.between("road", 0.0, 360.0));
                Conduct {
                    whereabouts: Leaves(chance.between("stays for", 0.1, 0.4), gone),
                    manner: Manner::MakesUp,
                    pace: 0.7,
                    ..there
                }
            }
            Self::ClockSetBack => {
                Conduct { clock_ms: -(chance.between("set back", 3.0, 9.0) * 3_600_000.0) as i64, ..there }
            }
            Self::BackDated => Conduct { clock_ms: -24 * 3_600_000, ..there },
            Self::CopiedAnswers => Conduct { copies: true, pace: 0.35, ..there },
            Self::SameNotes => Conduct { manner: Manner::SameText, pace: 0.8, ..there },
            Self::Careless => Conduct { manner: Manner::Careless, pace: 0.33, ..there },
            Self::MadeUp => Conduct { manner: Manner::MakesUp, ..there },
            Self::SamePhotos => Conduct { photos: Photos::Same, ..there },
            Self::RecroppedPhotos => Conduct { photos: Photos::Recropped, ..there },
            Self::PhotosOfScreen => Conduct { photos: Photos::OfScreen, ..there },
            Self::SentPhotos => {
                Conduct { photos: Photos::Sent, ..Conduct::at_home(rep.home, Position::Silent { trembles: true }) }
            }
            Self::SharedPhone | Self::Proxy => there,
        }
    }
}
