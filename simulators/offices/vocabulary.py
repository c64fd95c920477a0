"""What people of Khuzestan write to offices about, and which desks see it. Real agencies and places, no person.

Names of agencies, desks, units and documents are in config/names.yaml in the other languages; tests hold the two
together.
"""

from dataclasses import dataclass

PLACES = (
    "اهواز", "آبادان", "خرمشهر", "دزفول", "شوشتر", "بهبهان", "ماهشهر", "ایذه", "شوش", "اندیمشک", "رامهرمز", "شادگان",
    "سوسنگرد", "هویزه", "حمیدیه", "کارون", "باوی", "گتوند", "لالی", "باغملک", "هندیجان", "امیدیه", "آغاجاری", "رامشیر",
    "مسجدسلیمان", "اندیکا", "هفتکل", "صیدون", "شیبان", "ملاثانی", "الوان", "میانرود", "قلعه تل", "دهدز",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject, `{place}` in it, and the desks that usually see such a letter, in their order."""

    subject: str
    desks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agency:
    """unit: its number in letter numbers of several parts; phone: the short number it is known by, else 111."""

    name: str
    unit: int
    phone: str
    head: str
    topics: tuple[Topic, ...]


_HEAD = "دفتر مدیرکل"
_TECHNICAL, _LEGAL, _FINANCE, _INSPECTION = "دفتر فنی", "دفتر حقوقی", "امور مالی", "بازرسی"

GOVERNORATE = Agency(
    "استانداری",
    110,
    "111",
    "دفتر استاندار",
    (
        Topic("آسفالت جاده روستایی بخش مرکزی {place}", ("معاونت عمرانی", "امور روستایی", _TECHNICAL)),
        Topic("جبران خسارت سیل {place}", ("مدیریت بحران", _FINANCE, _LEGAL)),
        Topic("درخواست ملاقات عمومی در {place}", ("امور اجتماعی", "معاونت عمرانی")),
        Topic("اعتراض به پاسخ اداره‌ای در {place}", (_INSPECTION, _LEGAL, "امور اجتماعی")),
        Topic("بدهی پیمانکار به کارگران {place}", ("معاونت اقتصادی", _LEGAL, _FINANCE)),
        Topic("کمبود آب شرب روستاهای {place}", ("معاونت عمرانی", "امور روستایی", "مدیریت بحران")),
        Topic("گرد و غبار و قطعی برق {place}", ("مدیریت بحران", "معاونت عمرانی", "معاونت اقتصادی")),
        Topic("تسهیلات خسارت خشکسالی {place}", ("معاونت اقتصادی", "مدیریت بحران", _FINANCE)),
    ),
)

MUNICIPALITY = Agency(
    "شهرداری",
    137,
    "137",
    _HEAD,
    (
        Topic("پروانه ساخت دو طبقه در {place}", ("شهرسازی", _TECHNICAL, "درآمد")),
        Topic("لکه‌گیری آسفالت کوچه در {place}", ("خدمات شهری", _TECHNICAL)),
        Topic("روشنایی معابر محله در {place}", ("خدمات شهری", _TECHNICAL)),
        Topic("تقسیط عوارض نوسازی در {place}", ("درآمد", _FINANCE)),
        Topic("گودال فاضلاب مقابل مدرسه در {place}", ("خدمات شهری", _TECHNICAL, _INSPECTION)),
        Topic("سرعت‌گیر مقابل درمانگاه در {place}", ("ترافیک", _TECHNICAL)),
        Topic("اعتراض به رای کمیسیون ماده 100 در {place}", (_LEGAL, "شهرسازی", "املاک")),
        Topic("درختکاری بلوار ورودی {place}", ("فضای سبز", "خدمات شهری")),
        Topic("معوض ملک در طرح تعریض در {place}", ("املاک", _LEGAL, "شهرسازی", _FINANCE)),
    ),
)

OTHERS = (
    Agency("فرمانداری", 120, "111", _HEAD, (
        Topic("اختلاف آب دو روستا در {place}", ("امور روستایی", _LEGAL)),
        Topic("سهمیه آرد نانوایی روستا در {place}", ("معاونت اقتصادی", _INSPECTION)),
    )),
    Agency("آب و فاضلاب", 131, "122", _HEAD, (
        Topic("افت فشار آب در {place}", ("بهره برداری", _TECHNICAL)),
        Topic("انشعاب آب خانه نوساز در {place}", ("امور مشترکین", _TECHNICAL, _FINANCE)),
        Topic("بوی بد و شوری آب در {place}", ("بهره برداری", _INSPECTION)),
        Topic("اعتراض به قبض آب در {place}", ("امور مشترکین", _FINANCE)),
    )),
    Agency("آب و برق", 132, "111", _HEAD, (
        Topic("حق آبه نخلستان {place}", ("امور آب", _LEGAL, _TECHNICAL)),
        Topic("حریم رودخانه در {place}", ("امور آب", "امور اراضی", _LEGAL)),
        Topic("مجوز برداشت آب کارون در {place}", ("امور آب", _TECHNICAL)),
    )),
    Agency("توزیع برق", 133, "121", _HEAD, (
        Topic("نوسان برق و سوختن لوازم در {place}", ("امور مشترکین", _LEGAL, _FINANCE)),
        Topic("جابجایی تیر برق در {place}", (_TECHNICAL, "بهره برداری")),
        Topic("انشعاب سه فاز کارگاه در {place}", ("امور مشترکین", _TECHNICAL)),
    )),
    Agency("شرکت گاز", 134, "194", _HEAD, (
        Topic("گازرسانی به روستای {place}", (_TECHNICAL, "بهره برداری", _FINANCE)),
        Topic("جابجایی علمک گاز در {place}", ("امور مشترکین", _TECHNICAL)),
    )),
    Agency("راه و شهرسازی", 141, "111", _HEAD, (
        Topic("واگذاری زمین مسکن ملی در {place}", ("املاک", "شهرسازی", _LEGAL)),
        Topic("تملک زمین در طرح راه {place}", ("املاک", _LEGAL, _FINANCE)),
    )),
    Agency("راهداری", 142, "141", _HEAD, (
        Topic("خرابی پل روستایی {place}", (_TECHNICAL, "بهره برداری")),
        Topic("تابلوی هشدار جاده {place}", ("ترافیک", _TECHNICAL)),
    )),
    Agency("جهاد کشاورزی", 151, "111", _HEAD, (
        Topic("وام سرمایه در گردش دامداری در {place}", ("تسهیلات", _FINANCE)),
        Topic("تغییر کاربری باغ در {place}", ("امور اراضی", _LEGAL, _INSPECTION)),
        Topic("سهمیه کود گندم در {place}", ("تسهیلات", _INSPECTION)),
        Topic("لایروبی نهر کشاورزی در {place}", ("امور آب", _TECHNICAL)),
    )),
    Agency("صنعت و معدن", 152, "124", _HEAD, (
        Topic("شکایت از گران‌فروشی در {place}", (_INSPECTION, _LEGAL)),
        Topic("وام واحد تولیدی در {place}", ("تسهیلات", _FINANCE, _INSPECTION)),
    )),
    Agency("آموزش و پرورش", 161, "111", _HEAD, (
        Topic("سرویس مدرسه روستا در {place}", (_FINANCE, _INSPECTION)),
        Topic("کولر کلاس‌های دبستان در {place}", ("نوسازی مدارس", _FINANCE)),
        Topic("انتقال محل خدمت به {place}", ("منابع انسانی", _LEGAL)),
        Topic("ثبت نام دانش‌آموز بی‌شناسنامه در {place}", (_LEGAL, "امور اجتماعی")),
    )),
    Agency("علوم پزشکی", 162, "190", _HEAD, (
        Topic("نبود پزشک در خانه بهداشت {place}", ("امور درمان", "منابع انسانی")),
        Topic("هزینه درمان بیمارستان {place}", ("امور درمان", "بیمه", _FINANCE)),
    )),
    Agency("تامین اجتماعی", 171, "1420", _HEAD, (
        Topic("برقراری مستمری بازماندگان در {place}", ("مستمری", _LEGAL, _FINANCE)),
        Topic("سابقه بیمه کارگاه تعطیل شده در {place}", ("بیمه", _INSPECTION, _LEGAL)),
        Topic("تقسیط بدهی بیمه در {place}", ("بیمه", _FINANCE)),
    )),
    Agency("بهزیستی", 172, "123", _HEAD, (
        Topic("ویلچر و وسایل توانبخشی در {place}", ("امور اجتماعی", _FINANCE)),
        Topic("مسکن خانواده دارای دو معلول در {place}", ("امور اجتماعی", "تسهیلات", _FINANCE)),
    )),
    Agency("کمیته امداد", 173, "111", _HEAD, (
        Topic("وام خوداشتغالی در {place}", ("تسهیلات", _FINANCE)),
        Topic("کمک هزینه جهیزیه در {place}", ("امور اجتماعی", _FINANCE)),
    )),
    Agency("بنیاد مسکن", 174, "111", _HEAD, (
        Topic("وام مسکن روستایی {place}", ("تسهیلات", _TECHNICAL, _FINANCE)),
        Topic("سند خانه روستایی در {place}", ("املاک", _LEGAL)),
        Topic("بازسازی خانه سیل‌زده در {place}", (_TECHNICAL, "مدیریت بحران", _FINANCE)),
    )),
    Agency("ثبت اسناد", 181, "111", _HEAD, (
        Topic("تفکیک پلاک ثبتی در {place}", ("املاک", _TECHNICAL, _LEGAL)),
        Topic("سند تک برگ زمین در {place}", ("املاک", _LEGAL)),
    )),
    Agency("ثبت احوال", 182, "111", _HEAD, (
        Topic("اصلاح نام در شناسنامه در {place}", (_LEGAL, _INSPECTION)),
        Topic("شناسنامه المثنی در {place}", ("امور مشترکین", _LEGAL)),
    )),
    Agency("منابع طبیعی", 183, "1504", _HEAD, (
        Topic("رفع تداخل زمین با مراتع در {place}", ("امور اراضی", _LEGAL, _TECHNICAL)),
        Topic("پروانه چرای دام در {place}", ("امور اراضی", _INSPECTION)),
    )),
    Agency("محیط زیست", 184, "1540", _HEAD, (
        Topic("دود کارخانه کنار خانه‌ها در {place}", (_INSPECTION, _TECHNICAL, _LEGAL)),
        Topic("خشک شدن تالاب و مرگ ماهی در {place}", (_TECHNICAL, "امور آب")),
    )),
    Agency("کار و رفاه", 185, "111", _HEAD, (
        Topic("بیمه بیکاری کارگاه در {place}", ("بیمه", _LEGAL)),
        Topic("حقوق معوق سه ماهه در {place}", (_LEGAL, _INSPECTION)),
    )),
    Agency("امور مالیاتی", 186, "1526", _HEAD, (
        Topic("بخشودگی جریمه مالیات در {place}", ("درآمد", _LEGAL)),
        Topic("اعتراض به برگ تشخیص در {place}", ("درآمد", _LEGAL, _FINANCE)),
    )),
    Agency("میراث فرهنگی", 187, "111", _HEAD, (
        Topic("مرمت خانه قدیمی در {place}", (_TECHNICAL, _FINANCE)),
        Topic("مجوز بوم‌گردی در {place}", (_TECHNICAL, _INSPECTION)),
    )),
    Agency("بازنشستگی", 188, "111", _HEAD, (
        Topic("همسان‌سازی حقوق بازنشسته در {place}", ("مستمری", _FINANCE, _LEGAL)),
        Topic("پاداش پایان خدمت در {place}", (_FINANCE, "مستمری")),
    )),
    Agency("ورزش و جوانان", 189, "111", _HEAD, (
        Topic("زمین چمن محله در {place}", (_TECHNICAL, _FINANCE)),
        Topic("مجوز باشگاه بانوان در {place}", (_INSPECTION, _LEGAL)),
    )),
)  # fmt: skip

COUNTER, REGISTRY = "دفتر پیشخوان", "دبیرخانه"
"""Where a letter is handed in, and where it gets its number."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is applied for, at whom, the units it passes and the documents that are often lacking."""

    title: str
    agency: str
    phone: str
    units: tuple[str, ...]
    documents: tuple[str, ...]


_APPLIED, _PAPERS, _EXPERT, _PERMIT = "ثبت درخواست", "بررسی مدارک", "کارشناسی", "صدور مجوز"
_BIRTH, _ID, _DEED, _PHOTO, _SLIP = "کپی شناسنامه", "کپی کارت ملی", "سند مالکیت", "عکس", "فیش واریزی"

SERVICES = (
    Service("مجوز کسب خانگی", "صنعت و معدن", "124", (_APPLIED, _PAPERS, _EXPERT, _PERMIT), (_BIRTH, _ID, _PHOTO)),
    Service("پروانه کسب صنفی", "صنعت و معدن", "124",
            (_APPLIED, _PAPERS, "استعلام", "بازدید محل", _PERMIT), ("اجاره نامه", _DEED, _PHOTO)),
    Service("پروانه ساختمان", "شهرداری", "137",
            (_APPLIED, _PAPERS, "بازدید محل", "کمیسیون", "پرداخت عوارض", _PERMIT), (_DEED, "نقشه ملک", _SLIP)),
    Service("پایان کار ساختمان", "شهرداری", "137",
            (_APPLIED, "بازدید محل", _EXPERT, "پرداخت عوارض", "تحویل"), (_SLIP, "نقشه ملک")),
    Service("انشعاب آب", "آب و فاضلاب", "122",
            (_APPLIED, "بازدید محل", "پرداخت عوارض", "تحویل"), (_DEED, "اجاره نامه", _ID)),
    Service("انشعاب برق", "توزیع برق", "121", (_APPLIED, _PAPERS, "بازدید محل", "تحویل"), (_DEED, _SLIP)),
    Service("انشعاب گاز", "شرکت گاز", "194", (_APPLIED, "بازدید محل", "پرداخت عوارض", "تحویل"), (_DEED, "نقشه ملک")),
    Service("وام اشتغال روستایی", "جهاد کشاورزی", "111",
            (_APPLIED, _PAPERS, _EXPERT, "کمیسیون", "معرفی به بانک"), (_ID, "گواهی سکونت")),
    Service("وام ازدواج مددجو", "کمیته امداد", "111", (_APPLIED, _PAPERS, "معرفی به بانک"), (_BIRTH, _ID)),
    Service("مستمری بازماندگان", "تامین اجتماعی", "1420",
            (_APPLIED, _PAPERS, "استعلام", "تایید مدیر"), (_BIRTH, "سابقه بیمه")),
    Service("بیمه بیکاری", "کار و رفاه", "111", (_APPLIED, _PAPERS, "استعلام", "تایید مدیر"), ("سابقه بیمه", _ID)),
    Service("کارت معلولیت", "بهزیستی", "123", (_APPLIED, _PAPERS, "کمیسیون", "تحویل"), ("گواهی پزشک", _PHOTO)),
    Service("زمین مسکن ملی", "راه و شهرسازی", "111",
            (_APPLIED, _PAPERS, "استعلام", "کمیسیون", "پرداخت عوارض", "تحویل"), (_BIRTH, _SLIP, "گواهی سکونت")),
    Service("وام مسکن روستایی", "بنیاد مسکن", "111",
            (_APPLIED, _PAPERS, "بازدید محل", "معرفی به بانک"), (_DEED, "گواهی سکونت")),
    Service("سند تک برگ", "ثبت اسناد", "111", (_APPLIED, _PAPERS, _EXPERT, "تحویل"), (_DEED, "نقشه ملک", _SLIP)),
    Service("مجوز بوم گردی", "میراث فرهنگی", "111",
            (_APPLIED, _PAPERS, "بازدید محل", "تایید مدیر", _PERMIT), (_DEED, _PHOTO)),
)  # fmt: skip
