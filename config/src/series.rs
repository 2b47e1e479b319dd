//! The one table of everything that is measured, computed or reported: name, unit, type and meaning.
//!
//! A [`Point`] is one field of one [`Measurement`]. Profiles map registers and JSON fields to points by
//! `measurement.field`; the store keeps points; the forwarder writes them as `measurement field=value`. Nothing
//! leaves the site that is not a row of this table. Names and units: DOMAIN §1 and §4; units are part of the name.

mod page;

pub use page::page;

use std::fmt;

/// What a value of a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// Measured quantity, always written as a float so that a database never sees two types in one field.
    Float,
    /// Count or state code, written as an integer.
    Int,
    /// Yes or no.
    Bool,
    /// One word out of a closed set.
    Text,
}

/// Where the rows of a measurement come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Read from a device; forwarded only with `forward.raw = true`.
    Reading,
    /// Computed at the edge over a window; the time stamp is the window's start.
    Metric,
    /// Happened at a moment: device events, alarms, lost intervals.
    Event,
}

/// One row of the measurement table.
#[derive(Debug)]
pub struct MeasurementInfo {
    /// Name in the database.
    pub name: &'static str,
    /// Where its rows come from.
    pub class: Class,
    /// Tag that tells the parts of one device apart (lane, size, rule), if it has parts.
    pub part_tag: Option<&'static str>,
    /// Chinese name.
    pub zh: &'static str,
}

/// One row of the point table.
#[derive(Debug)]
pub struct PointInfo {
    /// Measurement it belongs to.
    pub measurement: Measurement,
    /// Field name in the database; ends in its unit where it has one.
    pub field: &'static str,
    /// `measurement.field`, as profiles write it.
    pub name: &'static str,
    /// Type of its values, for ever.
    pub ty: Type,
    /// Meaning in English.
    pub en: &'static str,
    /// Meaning in Chinese.
    pub zh: &'static str,
}

macro_rules! series {
    ($( $meas:ident $mname:literal $class:ident $part:expr, $mzh:literal { $( $point:ident $field:literal $ty:ident $en:literal $zh:literal; )* } )*) => {
        /// A table in the database.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Measurement { $( #[doc = $mzh] $meas, )* }

        /// One field of one measurement: everything the gateway can store or send.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Point { $( $( #[doc = $en] $point, )* )* }

        impl Measurement {
            /// Every measurement, in table order.
            pub const ALL: &'static [Self] = &[ $( Self::$meas, )* ];
            const INFO: &'static [MeasurementInfo] = &[ $( MeasurementInfo { name: $mname, class: Class::$class, part_tag: $part, zh: $mzh }, )* ];
        }

        impl Point {
            /// Every point, in table order.
            pub const ALL: &'static [Self] = &[ $( $( Self::$point, )* )* ];
            const INFO: &'static [PointInfo] = &[ $( $( PointInfo {
                measurement: Measurement::$meas, field: $field, name: concat!($mname, ".", $field), ty: Type::$ty, en: $en, zh: $zh,
            }, )* )* ];
        }
    };
}

series! {
    DeviceHealth "device_health" Reading None, "设备健康" {
        HealthOnline "online" Bool "a broker's last will or birth message said so" "在线声明";
        HealthRttMs "rtt_ms" Float "mean time to an answer" "平均应答时间";
        HealthPollsOk "polls_ok" Int "requests answered well since start" "成功轮询数";
        HealthPollsErr "polls_err" Int "requests failed since start" "失败轮询数";
        HealthTimeouts "timeout" Int "requests without an answer since start" "超时数";
        HealthExceptions "exception" Int "requests the device refused since start" "异常应答数";
        HealthDiscarded "discarded" Int "answers of all kinds thrown away since start" "丢弃应答数";
        HealthCrc "crc_err" Int "answers with a bad checksum since start" "校验错误数";
        HealthLate "late" Int "answers that came after their request was given up, since start" "迟到应答数";
        HealthForeign "foreign" Int "answers of other units or to other requests, since start" "错配应答数";
        HealthInterval "interval_s" Float "mean time between two polls since the last report" "实际轮询间隔";
        HealthClockOffset "clock_offset_ms" Float "the device's clock minus the gateway's" "时钟偏差";
        HealthFirmware "fw" Text "firmware version the device names" "固件版本";
        HealthRssi "rssi_dbm" Float "radio signal strength" "信号强度";
        HealthUptime "uptime_s" Int "seconds since the device started" "运行时长";
        HealthRefused "refused" Int "messages of it that were refused as a whole since the last heartbeat" "拒收消息数";
    }
    Locker "locker" Reading None, "智能信包箱/快件箱" {
        LockerTotal "comp_total" Int "compartments installed" "格口总数";
        LockerOccupied "comp_occupied" Int "compartments holding a parcel" "占用格口";
        LockerFree "comp_free" Int "compartments ready for a parcel" "空闲格口";
        LockerFaulted "comp_faulted" Int "compartments out of order" "故障格口";
        LockerDisabled "comp_disabled" Int "compartments taken out of use" "停用格口";
        LockerDoorOpen "door_open" Int "compartment doors standing open" "开门数";
        LockerOccupancySource "occupancy_source" Text "how occupancy is known: sensor, business or inferred" "占用来源";
        LockerDeposits "deposits_total" Int "parcels put in, since ever" "入柜量";
        LockerPickups "pickups_total" Int "parcels taken out, since ever" "出柜量";
        LockerReturns "returns_total" Int "parcels taken back by the courier, since ever" "退回量";
        LockerOpenCmds "open_cmd_total" Int "door commands, since ever" "开箱次数";
        LockerOpenFails "open_fail_total" Int "door commands without an open door, since ever" "开箱失败数";
        LockerOverdue "overdue_now" Int "parcels past their keep period" "滞留件";
        LockerTemp "temp_c" Float "temperature inside the kiosk" "柜内温度";
        LockerMainsOk "mains_ok" Bool "mains power present" "市电正常";
        LockerBattery "battery_pct" Float "battery charge" "电池电量";
    }
    LockerSize "locker_size" Reading Some("size"), "格口规格" {
        SizeTotal "comp_total" Int "compartments of this size" "该规格格口数";
        SizeOccupied "comp_occupied" Int "compartments of this size holding a parcel" "该规格占用数";
    }
    Compartment "compartment" Reading Some("no"), "格口" {
        CompartmentDoor "door_open" Bool "this compartment's door stands open; stays here" "格口门";
        CompartmentLockFault "lock_fault" Bool "this compartment's lock is out of order; stays here" "锁故障";
        CompartmentOccupied "occupied" Bool "this compartment holds a parcel; stays here" "格口占用";
    }
    Cabinet "cabinet" Reading None, "智能冷冻柜/冷藏柜" {
        CabinetAir "air_c" Float "air temperature" "柜温";
        CabinetProduct "product_c" Float "product temperature" "品温";
        CabinetEvap "evap_c" Float "evaporator temperature" "蒸发器温度";
        CabinetCond "cond_c" Float "condenser temperature" "冷凝器温度";
        CabinetAmbient "ambient_c" Float "temperature around the cabinet" "环境温度";
        CabinetSetpoint "setpoint_c" Float "temperature asked for" "设定温度";
        CabinetHumidity "rh_pct" Float "relative humidity" "相对湿度";
        CabinetMode "mode" Text "what the controller is doing" "运行模式";
        CabinetCompressor "compressor" Bool "compressor running" "压缩机";
        CabinetFan "evap_fan" Bool "evaporator fan running" "蒸发风机";
        CabinetDefrost "defrost" Bool "defrost running" "化霜";
        CabinetDoor "door_open" Bool "door open" "柜门";
        CabinetLight "light" Bool "light on" "照明";
        CabinetAlarm "alarm" Bool "the controller reports an alarm of its own" "控制器报警";
        CabinetEnabled "enabled" Bool "the controller is switched on, neither off nor in standby" "控制器启用";
    }
    ControllerAlarm "controller_alarm" Reading Some("code"), "控制器报警明细" {
        ControllerAlarmActive "active" Bool "the controller reports this alarm" "报警状态";
    }
    Probe "probe" Reading Some("no"), "温度探头" {
        ProbeTemp "temp_c" Float "temperature at this probe" "探头温度";
    }
    Vending "vending" Reading None, "自助售卖机" {
        VendingStatus "status" Text "in_service or why not" "状态";
        VendingVends "vends_total" Int "vends, since ever" "出货次数";
        VendingSales "sales_fen_total" Int "sales in fen (0.01 CNY), since ever" "销售额（分）";
        VendingFails "vend_fail_total" Int "failed vends, since ever" "出货失败数";
        VendingOutages "power_outages_total" Int "power outages, since ever (EVA-DTS EA7)" "停电次数";
        VendingCashVends "cash_vends_total" Int "vends paid in cash, since ever (EVA-DTS CA2)" "现金出货次数";
        VendingCashSales "cash_sales_fen_total" Int "sales paid in cash, in fen, since ever (EVA-DTS CA2)" "现金销售额（分）";
        VendingCashlessVends "cashless_vends_total" Int "vends paid without cash, since ever (EVA-DTS DA2)" "非现金出货次数";
        VendingCashlessSales "cashless_sales_fen_total" Int "sales paid without cash, in fen, since ever (EVA-DTS DA2)" "非现金销售额（分）";
        VendingAir "air_c" Float "air temperature" "柜温";
        VendingSetpoint "setpoint_c" Float "temperature asked for" "设定温度";
    }
    Lane "lane" Reading Some("no"), "货道" {
        LaneLevel "level" Int "items left (EVA-DTS PA108)" "现存量";
        LanePar "par" Int "standard filling level (EVA-DTS PA105)" "标准补货量";
        LaneMin "min" Int "level that asks for a refill (EVA-DTS PA109)" "补货触发量";
        LaneCapacity "capacity" Int "items it can hold (EVA-DTS PA104)" "最大容量";
        LaneFault "fault" Bool "lane out of order" "货道故障";
        LanePrice "price_fen" Int "price in fen" "价格（分）";
        LaneVends "vends_total" Int "vends of this lane, since ever (EVA-DTS PA201)" "货道出货次数";
        LaneSales "sales_fen_total" Int "sales of this lane in fen, since ever (EVA-DTS PA202)" "货道销售额（分）";
    }
    Energy "energy" Reading None, "电能" {
        EnergyVoltage "voltage_v" Float "voltage" "电压";
        EnergyCurrent "current_a" Float "current" "电流";
        EnergyActive "active_w" Float "active power" "有功功率";
        EnergyReactive "reactive_var" Float "reactive power" "无功功率";
        EnergyPowerFactor "pf" Float "power factor" "功率因数";
        EnergyFrequency "freq_hz" Float "mains frequency" "频率";
        EnergyTotal "energy_kwh_total" Float "energy imported, since ever" "累计电能";
    }
    EnergyPhase "energy_phase" Reading Some("phase"), "分相电能" {
        PhaseVoltage "voltage_v" Float "voltage of this phase" "相电压";
        PhaseCurrent "current_a" Float "current of this phase" "相电流";
        PhaseActive "active_w" Float "active power of this phase" "相有功功率";
    }
    Event "event" Event Some("type"), "设备事件" {
        EventTarget "target" Text "compartment or lane it happened at" "对象";
        EventOutcome "outcome" Text "ok, fail or timeout" "结果";
        EventCode "code" Text "the maker's code" "代码";
        EventDuration "dur_s" Float "how long it took" "时长";
        EventAmount "amount_fen" Int "amount in fen" "金额（分）";
        EventKey "key" Int "hash of the event's own id; stays here, so that an event that is sent twice is known" "事件标识哈希";
        EventCount "count" Int "always 1: events can be summed" "次数";
    }
    Gateway "gateway" Reading None, "网关" {
        GatewayUptime "uptime_s" Int "seconds since the gateway started" "运行时长";
        GatewayMessages "messages_total" Int "messages received since the gateway started" "接收消息数";
        GatewayReadings "readings_total" Int "readings received since the gateway started" "接收读数";
        GatewayDropped "dropped_total" Int "readings dropped since the gateway started" "丢弃读数";
        GatewayBacklog "backlog_points" Int "points waiting for the destinations" "待转发点数";
        GatewayRss "rss_bytes" Int "memory in use" "内存占用";
        GatewayUplinkRequests "uplink_requests_total" Int "requests to destinations since the gateway started" "上行请求数";
        GatewayUplinkFailed "uplink_failed_total" Int "of these, not accepted and to be sent again" "上行失败数";
        GatewayCardWritten "card_written_bytes_per_day" Int "written to the whole card per day, mean of the last 24 h" "存储卡日写入量";
        GatewayCardLifeUsed "card_life_used_pct" Float "life the card (eMMC) reports as used; lower end of a band of 10" "存储卡已用寿命";
    }
    Locker5m "locker_5m" Metric None, "信包箱五分钟指标" {
        Locker5mOccupancy "occupancy" Float "occupied over usable compartments, time-weighted, 0 to 1" "占用率";
        Locker5mOccupiedS "occupied_s" Float "compartment-seconds occupied (numerator of occupancy)" "占用格口秒";
        Locker5mUsableS "usable_s" Float "compartment-seconds usable (denominator of occupancy)" "可用格口秒";
        Locker5mFaultedShare "faulted_share" Float "faulted over installed compartments, time-weighted" "故障格口率";
        Locker5mFaultedS "faulted_s" Float "compartment-seconds faulted (numerator of faulted_share)" "故障格口秒";
        Locker5mInstalledS "installed_s" Float "compartment-seconds installed (denominator of faulted_share)" "安装格口秒";
        Locker5mDeposits "deposits" Int "parcels put in" "入柜量";
        Locker5mPickups "pickups" Int "parcels taken out" "出柜量";
        Locker5mOpenCmds "open_cmds" Int "door commands" "开箱次数";
        Locker5mOpenFails "open_fails" Int "door commands without an open door" "开箱失败数";
        Locker5mCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        Locker5mRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    Cabinet5m "cabinet_5m" Metric None, "冷柜五分钟指标" {
        Cabinet5mAirMean "air_mean_c" Float "time-weighted mean air temperature" "平均柜温";
        Cabinet5mAirMin "air_min_c" Float "lowest air temperature" "最低柜温";
        Cabinet5mAirMax "air_max_c" Float "highest air temperature" "最高柜温";
        Cabinet5mCompliance "compliance_raw" Float "share of observed time within the limit, 0 to 1" "温度合规率";
        Cabinet5mComplianceAdj "compliance_adjusted" Float "the same with defrosts left out" "扣除化霜合规率";
        Cabinet5mCompliantS "compliant_s" Float "seconds within the limit (numerator of compliance_raw)" "合规秒数";
        Cabinet5mObservedS "observed_s" Float "seconds with a valid air temperature (denominator of compliance_raw)" "观测秒数";
        Cabinet5mAdjCompliantS "adj_compliant_s" Float "numerator of compliance_adjusted" "扣除化霜合规秒数";
        Cabinet5mAdjObservedS "adj_observed_s" Float "denominator of compliance_adjusted" "扣除化霜观测秒数";
        Cabinet5mDegreeMin "degree_min" Float "degree-minutes above the limit" "超温度分";
        Cabinet5mDoorOpenS "door_open_s" Float "seconds with the door open" "开门秒数";
        Cabinet5mDoorObservedS "door_observed_s" Float "seconds in which the door was observed" "门观测秒数";
        Cabinet5mDoorOpenings "door_openings" Int "times the door was opened" "开门次数";
        Cabinet5mCompressorS "compressor_s" Float "seconds with the compressor running" "压机运行秒数";
        Cabinet5mCompressorObservedS "compressor_observed_s" Float "seconds in which the compressor was observed" "压机观测秒数";
        Cabinet5mCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        Cabinet5mRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    Vending5m "vending_5m" Metric None, "售卖机五分钟指标" {
        Vending5mAvailability "availability" Float "share of observed time in service, 0 to 1" "可售率";
        Vending5mInServiceS "in_service_s" Float "seconds in service (numerator of availability)" "可售秒数";
        Vending5mObservedS "observed_s" Float "seconds with a known status (denominator of availability)" "观测秒数";
        Vending5mVends "vends" Int "vends" "出货次数";
        Vending5mSales "sales_fen" Int "sales in fen" "销售额（分）";
        Vending5mFails "vend_fails" Int "failed vends" "出货失败数";
        Vending5mLaneEmptyS "lane_empty_s" Float "lane-seconds without stock (numerator of the stock-out rate)" "缺货货道秒";
        Vending5mLaneObservedS "lane_observed_s" Float "lane-seconds observed (denominator of the stock-out rate)" "观测货道秒";
        Vending5mCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        Vending5mRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    Energy5m "energy_5m" Metric None, "能耗五分钟指标" {
        Energy5mKwh "energy_kwh" Float "energy used" "耗电量";
        Energy5mPowerMean "active_mean_w" Float "time-weighted mean active power" "平均功率";
        Energy5mPowerObservedS "power_observed_s" Float "seconds with a known power (denominator of active_mean_w)" "功率观测秒数";
        Energy5mResets "resets" Int "times the meter's counter went back" "表计复位次数";
        Energy5mCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        Energy5mRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    Device5m "device_5m" Metric None, "设备在线五分钟指标" {
        Device5mOnlineRate "online_rate" Float "share of the window the device was online, 0 to 1" "在线率";
        Device5mOnlineS "online_s" Float "seconds online (numerator of online_rate)" "在线秒数";
        Device5mWindowS "window_s" Float "seconds of the window (denominator of online_rate)" "窗口秒数";
        Device5mReceived "received" Int "messages or polls received" "收到次数";
        Device5mExpected "expected" Int "messages or polls expected" "应收次数";
        Device5mRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    LockerKpi "locker_kpi" Metric Some("window"), "信包箱时、日、月、季、年指标" {
        LockerKpiOccupancy "occupancy" Float "occupied over usable compartments, time-weighted, 0 to 1" "占用率";
        LockerKpiOccupiedS "occupied_s" Float "compartment-seconds occupied (numerator of occupancy)" "占用格口秒";
        LockerKpiUsableS "usable_s" Float "compartment-seconds usable (denominator of occupancy)" "可用格口秒";
        LockerKpiPeak "occupancy_peak" Float "highest occupancy of the short windows in it" "峰值占用率";
        LockerKpiUtilizationAm "utilization_08_pct" Float "occupied of installed compartments at 08:00 local time, cut to a tenth of a percent" "八时利用率";
        LockerKpiUtilizationPm "utilization_20_pct" Float "the same at 20:00" "二十时利用率";
        LockerKpiFaultedShare "faulted_share" Float "faulted over installed compartments, time-weighted" "故障格口率";
        LockerKpiFaultedS "faulted_s" Float "compartment-seconds faulted (numerator of faulted_share)" "故障格口秒";
        LockerKpiInstalledS "installed_s" Float "compartment-seconds installed (denominator of faulted_share)" "安装格口秒";
        LockerKpiDeposits "deposits" Int "parcels put in" "入柜量";
        LockerKpiPickups "pickups" Int "parcels taken out" "出柜量";
        LockerKpiPickupsCountedS "pickups_counted_s" Float "seconds the pick-ups were counted over, gaps inside included" "出柜计数秒数";
        LockerKpiTurnover "turnover_per_day" Float "pick-ups per day of pickups_counted_s over the usable compartments (usable_s over observed_s); only if that time is the window, to a tenth of it" "周转率";
        LockerKpiDwellP50 "dwell_p50_h" Float "hours from deposit to pick-up, median of those picked up in the window, to a twentieth of itself; of days or longer, and of five parcels or more" "滞留时长中位数";
        LockerKpiDwellP90 "dwell_p90_h" Float "the same, nine of ten" "滞留时长九成位";
        LockerKpiDwellParcels "dwell_parcels" Int "pick-ups whose deposit is known" "滞留统计件数";
        LockerKpiDue "due_parcels" Int "parcels whose deadline (deposit and keep period) falls in the window and whose deposit was seen; of days or longer, like the three that follow" "到期件数";
        LockerKpiOverdue "overdue_parcels" Int "those of which no pick-up was seen by the deadline (numerator of overdue_rate)" "超期件数";
        LockerKpiOverdueUnknown "overdue_unknown" Int "those of which it is not known: a pick-up that names no deposit may have been theirs" "超期不明件数";
        LockerKpiOverdueRate "overdue_rate" Float "overdue_parcels over due_parcels less overdue_unknown; only if a twentieth or less is not known" "超期率";
        LockerKpiOpenCmds "open_cmds" Int "door commands" "开箱次数";
        LockerKpiOpenFails "open_fails" Int "door commands without an open door" "开箱失败数";
        LockerKpiOpenRetries "open_retries" Int "those of open_fails that followed another of the same compartment within 10 s, as far as events name it: an opening tried again is one failure; absent if there were none" "重试次数";
        LockerKpiOpenFailRate "open_fail_rate" Float "open_fails over open_cmds, both less open_retries" "开箱失败率";
        LockerKpiResets "resets" Int "times one of its counters went back: what was counted before is missing" "计数器复位次数";
        LockerKpiObservedS "observed_s" Float "seconds observed" "观测秒数";
        LockerKpiCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        LockerKpiQuality "quality" Int "0 good, 1 uncertain (coverage below 0.95), 2 insufficient (below 0.80)" "质量";
        LockerKpiRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    LockerSizeKpi "locker_size_kpi" Metric Some("window"), "信包箱分规格日、月、季、年指标" {
        LockerSizeKpiXsOccupancy "xs_occupancy" Float "occupied over installed compartments, extra small, time-weighted, 0 to 1: of a size nobody says how many are out of order" "特小格口占用率";
        LockerSizeKpiXsOccupiedS "xs_occupied_s" Float "compartment-seconds occupied (numerator)" "特小格口占用格口秒";
        LockerSizeKpiXsInstalledS "xs_installed_s" Float "compartment-seconds installed (denominator)" "特小格口安装格口秒";
        LockerSizeKpiSOccupancy "s_occupancy" Float "the same, small" "小格口占用率";
        LockerSizeKpiSOccupiedS "s_occupied_s" Float "compartment-seconds occupied (numerator)" "小格口占用格口秒";
        LockerSizeKpiSInstalledS "s_installed_s" Float "compartment-seconds installed (denominator)" "小格口安装格口秒";
        LockerSizeKpiMOccupancy "m_occupancy" Float "the same, middle" "中格口占用率";
        LockerSizeKpiMOccupiedS "m_occupied_s" Float "compartment-seconds occupied (numerator)" "中格口占用格口秒";
        LockerSizeKpiMInstalledS "m_installed_s" Float "compartment-seconds installed (denominator)" "中格口安装格口秒";
        LockerSizeKpiLOccupancy "l_occupancy" Float "the same, large" "大格口占用率";
        LockerSizeKpiLOccupiedS "l_occupied_s" Float "compartment-seconds occupied (numerator)" "大格口占用格口秒";
        LockerSizeKpiLInstalledS "l_installed_s" Float "compartment-seconds installed (denominator)" "大格口安装格口秒";
        LockerSizeKpiXlOccupancy "xl_occupancy" Float "the same, extra large" "特大格口占用率";
        LockerSizeKpiXlOccupiedS "xl_occupied_s" Float "compartment-seconds occupied (numerator)" "特大格口占用格口秒";
        LockerSizeKpiXlInstalledS "xl_installed_s" Float "compartment-seconds installed (denominator)" "特大格口安装格口秒";
        LockerSizeKpiCoverage "coverage" Float "share of the window in which the least observed of its sizes was observed" "覆盖率";
        LockerSizeKpiQuality "quality" Int "0 good, 1 uncertain (coverage below 0.95), 2 insufficient (below 0.80)" "质量";
        LockerSizeKpiRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    CabinetKpi "cabinet_kpi" Metric Some("window"), "冷柜时、日、月、季、年指标" {
        CabinetKpiAirMean "air_mean_c" Float "time-weighted mean air temperature" "平均柜温";
        CabinetKpiAirMin "air_min_c" Float "lowest air temperature" "最低柜温";
        CabinetKpiAirMax "air_max_c" Float "highest air temperature" "最高柜温";
        CabinetKpiMkt "mkt_c" Float "mean kinetic temperature of the air, activation energy over R 10 000 K; for information" "平均动力学温度";
        CabinetKpiCompliance "compliance_raw" Float "share of observed time within the limit, 0 to 1" "温度合规率";
        CabinetKpiComplianceAdj "compliance_adjusted" Float "the same with defrosts left out" "扣除化霜合规率";
        CabinetKpiCompliantS "compliant_s" Float "seconds within the limit (numerator of compliance_raw)" "合规秒数";
        CabinetKpiObservedS "observed_s" Float "seconds with a valid air temperature (denominator of compliance_raw and of the mean)" "观测秒数";
        CabinetKpiAdjCompliantS "adj_compliant_s" Float "numerator of compliance_adjusted" "扣除化霜合规秒数";
        CabinetKpiAdjObservedS "adj_observed_s" Float "denominator of compliance_adjusted" "扣除化霜观测秒数";
        CabinetKpiDegreeMin "degree_min" Float "degree-minutes above the limit" "超温度分";
        CabinetKpiProductMin "product_min_c" Float "lowest product temperature" "最低物温";
        CabinetKpiProductMax "product_max_c" Float "highest product temperature" "最高物温";
        CabinetKpiProductCompliance "product_compliance" Float "share of the product probe's observed time within the limit; never adjusted" "物温合规率";
        CabinetKpiProductCompliantS "product_compliant_s" Float "numerator of product_compliance" "物温合规秒数";
        CabinetKpiProductObservedS "product_observed_s" Float "denominator of product_compliance" "物温观测秒数";
        CabinetKpiDoorOpenS "door_open_s" Float "seconds with the door open" "开门秒数";
        CabinetKpiDoorObservedS "door_observed_s" Float "seconds in which the door was observed" "门观测秒数";
        CabinetKpiDoorOpenings "door_openings" Int "times the door was opened" "开门次数";
        CabinetKpiDoorLongestS "door_longest_s" Float "longest opening that ended or went on in it" "最长开门秒数";
        CabinetKpiCompressorS "compressor_s" Float "seconds with the compressor running, defrosts left out" "压机运行秒数";
        CabinetKpiCompressorObservedS "compressor_observed_s" Float "seconds with the compressor running or stopped, defrosts left out" "压机观测秒数";
        CabinetKpiDuty "compressor_duty" Float "compressor_s over compressor_observed_s" "压机运行率";
        CabinetKpiStarts "compressor_starts" Int "times the compressor started" "压机启动次数";
        CabinetKpiDefrostS "defrost_s" Float "seconds in defrost" "化霜秒数";
        CabinetKpiCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        CabinetKpiQuality "quality" Int "0 good, 1 uncertain (coverage below 0.95), 2 insufficient (below 0.80)" "质量";
        CabinetKpiRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    VendingKpi "vending_kpi" Metric Some("window"), "售卖机时、日、月、季、年指标" {
        VendingKpiAvailability "availability" Float "share of observed time in service, 0 to 1" "可售率";
        VendingKpiInServiceS "in_service_s" Float "seconds in service (numerator of availability)" "可售秒数";
        VendingKpiObservedS "observed_s" Float "seconds with a known status (denominator of availability)" "观测秒数";
        VendingKpiVends "vends" Int "vends" "出货次数";
        VendingKpiSales "sales_fen" Int "sales in fen" "销售额（分）";
        VendingKpiPerDayVends "per_day_vends" Float "vends over the days they were counted over; only if those are the window, to a tenth of it" "日均出货次数";
        VendingKpiVendsCountedS "vends_counted_s" Float "seconds the vends were counted over, gaps inside included (denominator of per_day_vends)" "出货计数秒数";
        VendingKpiPerDaySales "per_day_fen" Float "the same of sales" "日均销售额（分）";
        VendingKpiSalesCountedS "sales_counted_s" Float "seconds the sales were counted over (denominator of per_day_fen)" "销售额计数秒数";
        VendingKpiFails "vend_fails" Int "failed vends" "出货失败数";
        VendingKpiResets "resets" Int "times one of its counters went back without rolling over: what was counted before is missing" "计数器复位次数";
        VendingKpiSuccess "vend_success" Float "vends over vends and failed vends" "出货成功率";
        VendingKpiStockOut "stock_out" Float "lane-time without stock over lane-time observed" "缺货率";
        VendingKpiLaneEmptyS "lane_empty_s" Float "lane-seconds without stock (numerator of stock_out)" "缺货货道秒";
        VendingKpiLaneObservedS "lane_observed_s" Float "lane-seconds observed (denominator of stock_out)" "观测货道秒";
        VendingKpiBelowMin "below_min" Float "lane-time with less than the level that asks for a refill, over the time of the lanes that name one" "低于补货线占比";
        VendingKpiBelowMinS "below_min_s" Float "lane-seconds below that level (numerator of below_min)" "低于补货线货道秒";
        VendingKpiMinObservedS "min_observed_s" Float "lane-seconds with a known level and a level that asks for a refill (denominator of below_min)" "补货线观测货道秒";
        VendingKpiFill "fill" Float "stock over par, time-weighted over the lanes that name both" "满仓率";
        VendingKpiLevelS "level_s" Float "item-seconds in stock (numerator of fill)" "库存件秒";
        VendingKpiParS "par_s" Float "item-seconds at par (denominator of fill)" "标准件秒";
        VendingKpiStock "stock_items" Int "items in the lanes that are known at the end of the day" "日末库存";
        VendingKpiSupply "days_of_supply" Float "stock_items over mean daily vends of the last 14 days; of days, and only once a week was counted" "可售天数";
        VendingKpiCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        VendingKpiQuality "quality" Int "0 good, 1 uncertain (coverage below 0.95), 2 insufficient (below 0.80)" "质量";
        VendingKpiRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    EnergyKpi "energy_kpi" Metric Some("window"), "能耗时、日、月、季、年指标" {
        EnergyKpiKwh "energy_kwh" Float "energy used" "耗电量";
        EnergyKpiMeteredS "metered_s" Float "seconds the energy was counted over: from one value of the meter to the next, gaps inside included (denominator of per_day_kwh)" "计量秒数";
        EnergyKpiPerDay "per_day_kwh" Float "energy per 24 hours of metered_s; only if that is the window, to a tenth of it" "日均耗电量";
        EnergyKpiPerDayVolume "per_day_m3_kwh" Float "per_day_kwh over the net volume in m³, if that is declared (GB 26920-2024)" "单位净容积日均耗电量";
        EnergyKpiPowerMean "active_mean_w" Float "time-weighted mean active power" "平均功率";
        EnergyKpiPowerObservedS "power_observed_s" Float "seconds with a known power (denominator of active_mean_w)" "功率观测秒数";
        EnergyKpiResets "resets" Int "times the meter's counter went back" "表计复位次数";
        EnergyKpiObservedS "observed_s" Float "seconds observed" "观测秒数";
        EnergyKpiCoverage "coverage" Float "share of the window that was observed" "覆盖率";
        EnergyKpiQuality "quality" Int "0 good, 1 uncertain (coverage below 0.95), 2 insufficient (below 0.80)" "质量";
        EnergyKpiRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    DeviceKpi "device_kpi" Metric Some("window"), "设备在线时、日、月、季、年指标" {
        DeviceKpiOnlineRate "online_rate" Float "share of the window the device was online, 0 to 1" "在线率";
        DeviceKpiOnlineS "online_s" Float "seconds online (numerator of online_rate)" "在线秒数";
        DeviceKpiWindowS "window_s" Float "seconds of the window that have been looked at (denominator of online_rate)" "窗口秒数";
        DeviceKpiReceived "received" Int "messages or polls received" "收到次数";
        DeviceKpiExpected "expected" Int "messages or polls expected" "应收次数";
        DeviceKpiCompleteness "completeness" Float "received over expected, at most 1" "数据完整率";
        DeviceKpiMissing "missing" Int "messages or polls expected in the day that were told as missing; of days, and only if there are any" "缺失次数";
        DeviceKpiExplained "explained" Float "share of them that have a reason: neither silent nor sporadic" "缺失已解释比例";
        DeviceKpiOutages "outages" Int "times the device fell silent" "离线次数";
        DeviceKpiFaults "faults" Int "alarms raised that mean a broken part, not a warm shelf or an empty lane" "故障次数";
        DeviceKpiRepaired "repaired" Int "those that ended in the window" "修复次数";
        DeviceKpiRepairS "repair_s" Float "seconds from the beginning to the end of those that ended (numerator of mttr_h)" "修复秒数";
        DeviceKpiMtbf "mtbf_h" Float "hours online per fault" "平均故障间隔";
        DeviceKpiMttr "mttr_h" Float "hours from the beginning of a fault to its end, mean of those that ended in the window" "平均修复时间";
        DeviceKpiRev "rev" Int "revision: late readings were taken in; absent in the first issue" "修订号";
    }
    Alarm "alarm" Event Some("rule"), "报警" {
        AlarmActive "active" Int "1 raised, 0 cleared" "状态";
        AlarmValue "value" Float "the value that decided" "触发值";
        AlarmLimit "limit" Float "the limit it was held against" "阈值";
        AlarmDurationS "dur_s" Float "seconds since the condition began" "持续时间";
        AlarmState "state" Text "what happened: raised, reminded, cleared, acknowledged, shelved, unshelved, suppressed, released; stands, stands_seen, stands_held: still so, told every hour" "动作";
        AlarmSeverity "severity" Text "warning, alarm or critical" "级别";
        AlarmUntil "until_ms" Int "end of a shelving or of maintenance, Unix ms" "截止时间";
        AlarmTarget "target" Text "the lane, compartment, probe or phase it is about" "对象";
        AlarmPeak "peak" Float "farthest value of the excursion, told when it ends" "峰值";
        AlarmArea "area_c_min" Float "degree-minutes beyond the limit, told when the excursion ends" "超温度分";
        AlarmCause "cause" Text "what went with the excursion: door, defrost, power, unknown; or open_ended; why it ended: not_reported, removed" "原因";
    }
    Link "link" Reading Some("link"), "通信链路" {
        LinkUp "up" Bool "whether the broker's or bus's link is up" "链路状态";
    }
    ColdChain "coldchain" Event Some("record"), "冷链记录" {
        ColdChainHead "head" Text "hash of the newest record of the device's chain" "链首哈希";
        ColdChainRecords "records" Int "records in the chain so far" "记录数";
    }
    Missing "missing" Event Some("reason"), "缺失时段" {
        MissingDurationS "dur_s" Float "length of the interval, or of the part of it that has one reason; it begins at the time stamp" "缺失时长";
        MissingExpected "expected" Int "messages or polls expected in it and not received; with reason sporadic, single ones of the local day" "缺失次数";
        MissingSince "since_ms" Int "when the device fell silent, Unix ms: the same in every part of one silence" "静默起始时刻";
        MissingOver "over" Bool "the device was heard at its end; otherwise the silence went on, for another reason or on the next day" "已恢复";
        MissingFilled "filled" Int "with reason late_filled: messages of the local day that came after they were told as missing" "补到次数";
    }
    Uplink "uplink" Event Some("destination"), "上行流量" {
        UplinkLevel "level" Int "what is left out for the month's budget: 0 nothing, 1 readings but one per series and 15 min, 2 readings, 3 short windows too, 4 hours too" "流量等级";
        UplinkUsed "used_bytes" Int "sent and received in the calendar month so far, overhead estimated" "本月已用流量";
        UplinkForecast "forecast_bytes" Int "what the month comes to if it goes on like that; absent in its first hours" "本月预计流量";
        UplinkAllowed "allowed_bytes" Int "the month's budget" "本月流量限额";
        UplinkOverBudget "over_budget" Int "values left out for it since the stores were made; they stay in the store, and `forward replay` sends them" "因限额未发点数";
        UplinkExpired "expired" Int "values left out because they were older than the destination keeps, since the stores were made" "因过期未发点数";
    }
    Gap "gap" Event Some("reason"), "数据缺口" {
        GapPoints "points" Int "readings given up before they were used; with reason outbox_…, metric and event values" "丢失点数";
        GapDurationS "dur_s" Float "length of the lost interval, which ends within a second after the time stamp" "缺口时长";
    }
}

impl Measurement {
    /// Its row of the table.
    #[must_use]
    pub fn info(self) -> &'static MeasurementInfo {
        &Self::INFO[self as usize]
    }
}

impl Point {
    /// Its row of the table.
    #[must_use]
    pub fn info(self) -> &'static PointInfo {
        &Self::INFO[self as usize]
    }

    /// The measurement it is a field of.
    #[must_use]
    pub fn measurement(self) -> Measurement {
        self.info().measurement
    }

    /// Whether its values never leave the gateway: the hash of an event's id has no use elsewhere, and the history of one
    /// compartment is the trace of one household (DOMAIN §7).
    #[must_use]
    pub fn stays_here(self) -> bool {
        self == Self::EventKey || self.measurement() == Measurement::Compartment
    }

    /// Unit of its values as it is written behind them, from the end of its field; empty if it has none.
    #[must_use]
    pub fn unit(self) -> &'static str {
        let field = self.info().field;
        let Some((rest, last)) = field.strip_suffix("_total").unwrap_or(field).rsplit_once('_') else { return "" };
        match last {
            "a" => "A",
            "bytes" => "B",
            "c" => "°C",
            "day" if rest.ends_with("bytes_per") => "B/d",
            "dbm" => "dBm",
            "fen" => "fen",
            "h" => "h",
            "hz" => "Hz",
            "kwh" => "kWh",
            "min" if rest.ends_with("_c") || rest == "degree" => "°C min",
            "ms" => "ms",
            "pct" => "%",
            "s" => "s",
            "v" => "V",
            "var" => "var",
            "w" => "W",
            _ => "",
        }
    }

    /// Finds a point by `measurement.field`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|point| point.info().name == name)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

/// Which part of a device a reading is about: a lane, a compartment size, an alarm rule. Empty for the whole device.
///
/// Held in place (at most [`PART_BYTES_MAX`](crate::limits::PART_BYTES_MAX) bytes), so that a reading can be copied
/// and compared without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Part {
    bytes: [u8; crate::limits::PART_BYTES_MAX],
    len: u8,
}

impl Part {
    /// The whole device.
    pub const WHOLE: Self = Self { bytes: [0; crate::limits::PART_BYTES_MAX], len: 0 };

    /// A named part; `None` if the name is longer than the limit or holds a control character.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        if name.len() > crate::limits::PART_BYTES_MAX || name.chars().any(char::is_control) {
            return None;
        }
        let mut part = Self::WHOLE;
        part.bytes[..name.len()].copy_from_slice(name.as_bytes());
        part.len = name.len() as u8;
        Some(part)
    }

    /// Its name; empty for the whole device.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether it stands for the whole device.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
