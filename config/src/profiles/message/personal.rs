//! Names under which protocols of lockers and vending machines carry what is about people (S17; DOMAIN §7).
//!
//! A second lock behind the allow-list: what a profile names is kept, so it must not be able to name these. Goes by the name
//! alone and so cannot know what stands in `/data/3`; the decoder looks at the values too.

/// Names that mean a person, or what is hers, as they are. Lower case, without `_`, `-`, `.` and blanks.
const NAMES: &str = "
    name user nick nickname receiver recipient consignee addressee sender courier customer member tel mail email qq wechat wx
    alipay staffno employeeno workno memberid customerid courierid couriername couriercompany birthday gender face faceid photo
    picture image video fingerprint address room roomno roomnumber idno passport icno icid icnumber card pan token password passwd
    pwd pin ticket coupon vcode barcode qr mailno parcelno parcelid packageno expressid expresscode pickcode opencode otp smscode
    order ordernumber oid payid transactionid 姓名 名字 用户 用户名 昵称 联系人 收件人 收货人 寄件人 快递员 工号 人脸 照片 指纹
    邮箱 微信 地址 住址 房间 门牌 密码 口令 单号 条码 订单 xingming mingzi yonghu yonghuming nicheng lianxiren shoujianren
    shouhuoren jijianren kuaidiyuan gonghao renlian zhaopian zhiwen youxiang weixin dizhi zhuzhi fangjian menpai mima danhao
    tiaoma dingdan";

/// Endings that mean the same whatever stands before them: `receiver_phone`, `courierMobile`, `取件手机号`.
const ENDINGS: &str = "
    phone phoneno phonenum phonenumber mobile mobileno mobilenumber telephone telno msisdn username realname fullname firstname
    lastname surname receivername sendername contactname idcard idcardno identitycard identityno openid unionid userid waybill
    waybillno waybillid expressno expressnumber trackingno trackingnumber trackno pickupcode takecode fetchcode verifycode
    verificationcode authcode qrcode cardno cardnum cardnumber cardid bankcard bikecode orderno orderid ordersn tradeno tradeid
    transactionno paymentno accesstoken useraddress homeaddress receiveraddress 手机 手机号 手机号码 电话 电话号码 身份证 身份证号
    身份证号码 运单号 快递单号 面单号 物流单号 取件码 取货码 提货码 开箱码 验证码 二维码 卡号 银行卡 订单号 交易号 流水号 房间号
    房号 门牌号 号码 shouji shoujihao dianhua shenfenzheng shenfenzhenghao yundanhao kuaididanhao miandanhao qujianma quhuoma
    tihuoma kaixiangma yanzhengma erweima kahao yinhangka dingdanhao jiaoyihao liushuihao fangjianhao fanghao menpaihao haoma";

/// The name in a pointer that is about a person, if its last one is. Positions and `*` are no names.
pub(super) fn name_in(pointer: &str) -> Option<&str> {
    let is_name = |token: &&str| !token.is_empty() && *token != "*" && !token.bytes().all(|byte| byte.is_ascii_digit());
    pointer.rsplit('/').find(is_name).filter(|name| is_personal(name))
}

/// Whether a name means a person, written in whatever way: `userName`, `user_name`, `USER-NAME`, `phones`, `phone2`.
pub(super) fn is_personal(name: &str) -> bool {
    let bare: String = name.to_lowercase().chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).collect();
    let bare = bare.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_known =
        |bare: &str| NAMES.split_whitespace().any(|name| name == bare) || ENDINGS.split_whitespace().any(|ending| bare.ends_with(ending));
    is_known(bare) || bare.strip_suffix('s').is_some_and(is_known)
}

/// What is said about one.
pub(super) fn refusal(used_as: &str, name: &str) -> String {
    format!(
        "`{name}` is about a person: it cannot be {used_as}, only `parcel` or `ignored`; what the purpose does not need is not taken (PIPL art. 6, 个人信息保护法第六条)"
    )
}
