// Names of time zones, their abbreviations in winter and summer, and countries: written by scripts/time-zones.py from
// pytz 2026.6. Data only.

/**
 * `STD DST|zones`: `#` is a name made of the offset, `-` none; `~` marks a zone outside common_timezones, `=` one
 * without transitions.
 */
export const ZONES: readonly string[] = [
  'GMT -|Africa/Abidjan Africa/Accra Africa/Bamako Africa/Banjul Africa/Bissau Africa/Conakry Africa/Dakar ' +
    'Africa/Freetown Africa/Lome Africa/Monrovia Africa/Nouakchott Africa/Ouagadougou Africa/Sao_Tome ' +
    '~Africa/Timbuktu America/Danmarkshavn Atlantic/Reykjavik Atlantic/St_Helena ~=Etc/GMT ~=Etc/GMT+0 ' +
    '~=Etc/GMT-0 ~=Etc/GMT0 ~=Etc/Greenwich =GMT ~=GMT+0 ~=GMT-0 ~=GMT0 ~=Greenwich ~Iceland',
  'EAT -|Africa/Addis_Ababa Africa/Asmara ~Africa/Asmera Africa/Dar_es_Salaam Africa/Djibouti Africa/Kampala ' +
    'Africa/Mogadishu Africa/Nairobi Indian/Antananarivo Indian/Comoro Indian/Mayotte',
  'CET -|Africa/Algiers Africa/Tunis',
  'WAT -|Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Lagos Africa/Libreville ' +
    'Africa/Luanda Africa/Malabo Africa/Ndjamena Africa/Niamey Africa/Porto-Novo',
  'CAT -|Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Juba Africa/Khartoum ' +
    'Africa/Kigali Africa/Lubumbashi Africa/Lusaka Africa/Maputo Africa/Windhoek',
  'EET EEST|Africa/Cairo Asia/Beirut Asia/Famagusta Asia/Gaza Asia/Hebron Asia/Nicosia ~EET ~Egypt ' +
    'Europe/Athens Europe/Bucharest Europe/Chisinau Europe/Helsinki ~Europe/Kiev Europe/Kyiv Europe/Mariehamn ' +
    '~Europe/Nicosia Europe/Riga Europe/Sofia Europe/Tallinn ~Europe/Tiraspol ~Europe/Uzhgorod Europe/Vilnius ' +
    '~Europe/Zaporozhye',
  '# #|Africa/Casablanca Africa/El_Aaiun America/Asuncion America/Coyhaique ~America/Godthab America/Miquelon ' +
    'America/Nuuk America/Santiago America/Scoresbysund Antarctica/Troll Atlantic/Azores ~Australia/LHI ' +
    'Australia/Lord_Howe ~Chile/Continental ~Chile/EasterIsland ~NZ-CHAT Pacific/Chatham Pacific/Easter ' +
    'Pacific/Norfolk',
  'CET CEST|Africa/Ceuta Arctic/Longyearbyen ~Atlantic/Jan_Mayen ~CET Europe/Amsterdam Europe/Andorra ' +
    'Europe/Belgrade Europe/Berlin Europe/Bratislava Europe/Brussels Europe/Budapest Europe/Busingen ' +
    'Europe/Copenhagen Europe/Gibraltar Europe/Ljubljana Europe/Luxembourg Europe/Madrid Europe/Malta ' +
    'Europe/Monaco Europe/Oslo Europe/Paris Europe/Podgorica Europe/Prague Europe/Rome Europe/San_Marino ' +
    'Europe/Sarajevo Europe/Skopje Europe/Stockholm Europe/Tirane Europe/Vaduz Europe/Vatican Europe/Vienna ' +
    'Europe/Warsaw Europe/Zagreb Europe/Zurich ~MET ~Poland',
  'SAST -|Africa/Johannesburg Africa/Maseru Africa/Mbabane',
  'EET -|Africa/Tripoli Europe/Kaliningrad ~Libya',
  'HST HDT|America/Adak ~America/Atka ~US/Aleutian',
  'AKST AKDT|America/Anchorage America/Juneau America/Metlakatla America/Nome America/Sitka America/Yakutat US/Alaska',
  'AST -|America/Anguilla America/Antigua America/Aruba America/Barbados America/Blanc-Sablon America/Curacao ' +
    'America/Dominica America/Grenada America/Guadeloupe America/Kralendijk America/Lower_Princes ' +
    'America/Marigot America/Martinique America/Montserrat America/Port_of_Spain America/Puerto_Rico ' +
    'America/Santo_Domingo America/St_Barthelemy America/St_Kitts America/St_Lucia America/St_Thomas ' +
    'America/St_Vincent America/Tortola ~America/Virgin',
  '# -|America/Araguaina America/Argentina/Buenos_Aires America/Argentina/Catamarca ' +
    '~America/Argentina/ComodRivadavia America/Argentina/Cordoba America/Argentina/Jujuy ' +
    'America/Argentina/La_Rioja America/Argentina/Mendoza America/Argentina/Rio_Gallegos America/Argentina/Salta ' +
    'America/Argentina/San_Juan America/Argentina/San_Luis America/Argentina/Tucuman America/Argentina/Ushuaia ' +
    'America/Bahia America/Belem America/Boa_Vista America/Bogota ~America/Buenos_Aires America/Campo_Grande ' +
    'America/Caracas ~America/Catamarca America/Cayenne ~America/Cordoba America/Cuiaba America/Eirunepe ' +
    'America/Fortaleza America/Guayaquil America/Guyana ~America/Jujuy America/La_Paz America/Lima ' +
    'America/Maceio America/Manaus ~America/Mendoza America/Montevideo America/Noronha America/Paramaribo ' +
    '~America/Porto_Acre America/Porto_Velho America/Punta_Arenas America/Recife America/Rio_Branco ' +
    '~America/Rosario America/Santarem America/Sao_Paulo Antarctica/Casey Antarctica/Davis ' +
    'Antarctica/DumontDUrville Antarctica/Mawson Antarctica/Palmer Antarctica/Rothera Antarctica/Syowa ' +
    'Antarctica/Vostok Asia/Aden Asia/Almaty Asia/Amman Asia/Anadyr Asia/Aqtau Asia/Aqtobe Asia/Ashgabat ' +
    '~Asia/Ashkhabad Asia/Atyrau Asia/Baghdad Asia/Bahrain Asia/Baku Asia/Bangkok Asia/Barnaul Asia/Bishkek ' +
    'Asia/Brunei Asia/Chita ~Asia/Choibalsan Asia/Colombo ~Asia/Dacca Asia/Damascus Asia/Dhaka Asia/Dili ' +
    'Asia/Dubai Asia/Dushanbe Asia/Ho_Chi_Minh Asia/Hovd Asia/Irkutsk ~Asia/Istanbul Asia/Kabul Asia/Kamchatka ' +
    '~Asia/Kashgar Asia/Kathmandu ~Asia/Katmandu Asia/Khandyga Asia/Krasnoyarsk Asia/Kuala_Lumpur Asia/Kuching ' +
    'Asia/Kuwait Asia/Magadan Asia/Muscat Asia/Novokuznetsk Asia/Novosibirsk Asia/Omsk Asia/Oral Asia/Phnom_Penh ' +
    'Asia/Qatar Asia/Qostanay Asia/Qyzylorda ~Asia/Rangoon Asia/Riyadh ~Asia/Saigon Asia/Sakhalin Asia/Samarkand ' +
    'Asia/Singapore Asia/Srednekolymsk Asia/Tashkent Asia/Tbilisi Asia/Tehran ~Asia/Thimbu Asia/Thimphu ' +
    'Asia/Tomsk Asia/Ulaanbaatar ~Asia/Ulan_Bator Asia/Urumqi Asia/Ust-Nera Asia/Vientiane Asia/Vladivostok ' +
    'Asia/Yakutsk Asia/Yangon Asia/Yekaterinburg Asia/Yerevan Atlantic/Cape_Verde Atlantic/South_Georgia ' +
    'Atlantic/Stanley Australia/Eucla ~Brazil/Acre ~Brazil/DeNoronha ~Brazil/East ~Brazil/West ~=Etc/GMT+1 ' +
    '~=Etc/GMT+10 ~=Etc/GMT+11 ~=Etc/GMT+12 ~=Etc/GMT+2 ~=Etc/GMT+3 ~=Etc/GMT+4 ~=Etc/GMT+5 ~=Etc/GMT+6 ' +
    '~=Etc/GMT+7 ~=Etc/GMT+8 ~=Etc/GMT+9 ~=Etc/GMT-1 ~=Etc/GMT-10 ~=Etc/GMT-11 ~=Etc/GMT-12 ~=Etc/GMT-13 ' +
    '~=Etc/GMT-14 ~=Etc/GMT-2 ~=Etc/GMT-3 ~=Etc/GMT-4 ~=Etc/GMT-5 ~=Etc/GMT-6 ~=Etc/GMT-7 ~=Etc/GMT-8 ' +
    '~=Etc/GMT-9 Europe/Astrakhan Europe/Istanbul Europe/Minsk Europe/Samara Europe/Saratov Europe/Ulyanovsk ' +
    'Indian/Chagos Indian/Christmas Indian/Cocos Indian/Kerguelen Indian/Mahe Indian/Maldives Indian/Mauritius ' +
    'Indian/Reunion ~Iran ~Kwajalein Pacific/Apia Pacific/Bougainville Pacific/Chuuk Pacific/Efate ' +
    '~Pacific/Enderbury Pacific/Fakaofo Pacific/Fiji Pacific/Funafuti Pacific/Galapagos Pacific/Gambier ' +
    'Pacific/Guadalcanal Pacific/Kanton Pacific/Kiritimati Pacific/Kosrae Pacific/Kwajalein Pacific/Majuro ' +
    'Pacific/Marquesas Pacific/Nauru Pacific/Niue Pacific/Noumea Pacific/Palau Pacific/Pitcairn Pacific/Pohnpei ' +
    '~Pacific/Ponape Pacific/Port_Moresby Pacific/Rarotonga Pacific/Tahiti Pacific/Tarawa Pacific/Tongatapu ' +
    '~Pacific/Truk Pacific/Wake Pacific/Wallis ~Pacific/Yap ~Singapore ~Turkey',
  'EST -|America/Atikokan America/Cancun America/Cayman ~America/Coral_Harbour America/Jamaica America/Panama ' +
    '~EST ~Jamaica',
  'CST -|America/Bahia_Banderas America/Belize America/Chihuahua America/Costa_Rica America/El_Salvador ' +
    'America/Guatemala America/Managua America/Merida America/Mexico_City America/Monterrey America/Regina ' +
    'America/Swift_Current America/Tegucigalpa ~Asia/Chongqing ~Asia/Chungking ~Asia/Harbin ~Asia/Macao ' +
    'Asia/Macau Asia/Shanghai Asia/Taipei ~Canada/Saskatchewan ~Mexico/General ~PRC ~ROC',
  'MST MDT|America/Boise America/Cambridge_Bay America/Ciudad_Juarez America/Denver America/Edmonton ' +
    'America/Inuvik ~America/Shiprock ~America/Yellowknife Canada/Mountain ~MST7MDT ~Navajo US/Mountain',
  'CST CDT|America/Chicago America/Havana America/Indiana/Knox America/Indiana/Tell_City ~America/Knox_IN ' +
    'America/Matamoros America/Menominee America/North_Dakota/Beulah America/North_Dakota/Center ' +
    'America/North_Dakota/New_Salem America/Ojinaga ~America/Rainy_River America/Rankin_Inlet America/Resolute ' +
    'America/Winnipeg ~CST6CDT Canada/Central ~Cuba US/Central ~US/Indiana-Starke',
  'MST -|America/Creston America/Dawson America/Dawson_Creek America/Fort_Nelson America/Hermosillo ' +
    'America/Mazatlan America/Phoenix America/Whitehorse ~Canada/Yukon ~MST ~Mexico/BajaSur US/Arizona',
  'EST EDT|America/Detroit ~America/Fort_Wayne America/Grand_Turk America/Indiana/Indianapolis ' +
    'America/Indiana/Marengo America/Indiana/Petersburg America/Indiana/Vevay America/Indiana/Vincennes ' +
    'America/Indiana/Winamac ~America/Indianapolis America/Iqaluit America/Kentucky/Louisville ' +
    'America/Kentucky/Monticello ~America/Louisville ~America/Montreal America/Nassau America/New_York ' +
    '~America/Nipigon ~America/Pangnirtung America/Port-au-Prince ~America/Thunder_Bay America/Toronto ' +
    'Canada/Eastern ~EST5EDT ~US/East-Indiana US/Eastern ~US/Michigan',
  'PST PDT|~America/Ensenada America/Los_Angeles ~America/Santa_Isabel America/Tijuana America/Vancouver ' +
    'Canada/Pacific ~Mexico/BajaNorte ~PST8PDT US/Pacific',
  'AST ADT|America/Glace_Bay America/Goose_Bay America/Halifax America/Moncton America/Thule Atlantic/Bermuda ' +
    'Canada/Atlantic',
  'NST NDT|America/St_Johns Canada/Newfoundland',
  'AEST AEDT|Antarctica/Macquarie ~Australia/ACT ~Australia/Canberra ~Australia/Currie Australia/Hobart ' +
    'Australia/Melbourne ~Australia/NSW Australia/Sydney ~Australia/Tasmania ~Australia/Victoria',
  'NZST NZDT|Antarctica/McMurdo ~Antarctica/South_Pole ~NZ Pacific/Auckland',
  'IST -|~Asia/Calcutta Asia/Kolkata',
  'HKT -|Asia/Hong_Kong ~Hongkong',
  'WIB -|Asia/Jakarta Asia/Pontianak',
  'WIT -|Asia/Jayapura',
  'IST IDT|Asia/Jerusalem ~Asia/Tel_Aviv ~Israel',
  'PKT -|Asia/Karachi',
  'WITA -|Asia/Makassar ~Asia/Ujung_Pandang',
  'PST -|Asia/Manila',
  'KST -|Asia/Pyongyang Asia/Seoul ~ROK',
  'JST -|Asia/Tokyo ~Japan',
  'WET WEST|Atlantic/Canary ~Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Europe/Lisbon ~Portugal ~WET',
  'ACST ACDT|Australia/Adelaide Australia/Broken_Hill ~Australia/South ~Australia/Yancowinna',
  'AEST -|Australia/Brisbane Australia/Lindeman ~Australia/Queensland',
  'ACST -|Australia/Darwin ~Australia/North',
  'AWST -|Australia/Perth ~Australia/West',
  'IST GMT|~Eire Europe/Dublin',
  'UTC -|~=Etc/UCT ~=Etc/UTC ~=Etc/Universal ~=Etc/Zulu ~=UCT =UTC ~=Universal ~=Zulu',
  'GMT BST|~Europe/Belfast Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/London ~GB ~GB-Eire',
  'MSK -|Europe/Kirov Europe/Moscow Europe/Simferopol Europe/Volgograd ~W-SU',
  'HST -|~HST Pacific/Honolulu ~Pacific/Johnston US/Hawaii',
  'ChST -|Pacific/Guam Pacific/Saipan',
  'SST -|Pacific/Midway Pacific/Pago_Pago ~Pacific/Samoa ~US/Samoa',
];

/** `code|name|zones`. */
export const COUNTRIES: readonly string[] = [
  'AD|Andorra|Europe/Andorra',
  'AE|United Arab Emirates|Asia/Dubai',
  'AF|Afghanistan|Asia/Kabul',
  'AG|Antigua & Barbuda|America/Antigua',
  'AI|Anguilla|America/Anguilla',
  'AL|Albania|Europe/Tirane',
  'AM|Armenia|Asia/Yerevan',
  'AO|Angola|Africa/Luanda',
  'AQ|Antarctica|Antarctica/McMurdo Antarctica/Casey Antarctica/Davis Antarctica/DumontDUrville ' +
    'Antarctica/Mawson Antarctica/Palmer Antarctica/Rothera Antarctica/Syowa Antarctica/Troll Antarctica/Vostok',
  'AR|Argentina|America/Argentina/Buenos_Aires America/Argentina/Cordoba America/Argentina/Salta ' +
    'America/Argentina/Jujuy America/Argentina/Tucuman America/Argentina/Catamarca America/Argentina/La_Rioja ' +
    'America/Argentina/San_Juan America/Argentina/Mendoza America/Argentina/San_Luis ' +
    'America/Argentina/Rio_Gallegos America/Argentina/Ushuaia',
  'AS|Samoa (American)|Pacific/Pago_Pago',
  'AT|Austria|Europe/Vienna',
  'AU|Australia|Australia/Lord_Howe Antarctica/Macquarie Australia/Hobart Australia/Melbourne Australia/Sydney ' +
    'Australia/Broken_Hill Australia/Brisbane Australia/Lindeman Australia/Adelaide Australia/Darwin ' +
    'Australia/Perth Australia/Eucla',
  'AW|Aruba|America/Aruba',
  'AX|Åland Islands|Europe/Mariehamn',
  'AZ|Azerbaijan|Asia/Baku',
  'BA|Bosnia & Herzegovina|Europe/Sarajevo',
  'BB|Barbados|America/Barbados',
  'BD|Bangladesh|Asia/Dhaka',
  'BE|Belgium|Europe/Brussels',
  'BF|Burkina Faso|Africa/Ouagadougou',
  'BG|Bulgaria|Europe/Sofia',
  'BH|Bahrain|Asia/Bahrain',
  'BI|Burundi|Africa/Bujumbura',
  'BJ|Benin|Africa/Porto-Novo',
  'BL|St Barthelemy|America/St_Barthelemy',
  'BM|Bermuda|Atlantic/Bermuda',
  'BN|Brunei|Asia/Brunei',
  'BO|Bolivia|America/La_Paz',
  'BQ|Caribbean NL|America/Kralendijk',
  'BR|Brazil|America/Noronha America/Belem America/Fortaleza America/Recife America/Araguaina America/Maceio ' +
    'America/Bahia America/Sao_Paulo America/Campo_Grande America/Cuiaba America/Santarem America/Porto_Velho ' +
    'America/Boa_Vista America/Manaus America/Eirunepe America/Rio_Branco',
  'BS|Bahamas|America/Nassau',
  'BT|Bhutan|Asia/Thimphu',
  'BV|Bouvet Island|',
  'BW|Botswana|Africa/Gaborone',
  'BY|Belarus|Europe/Minsk',
  'BZ|Belize|America/Belize',
  'CA|Canada|America/St_Johns America/Halifax America/Glace_Bay America/Moncton America/Goose_Bay ' +
    'America/Blanc-Sablon America/Toronto America/Iqaluit America/Atikokan America/Winnipeg America/Resolute ' +
    'America/Rankin_Inlet America/Regina America/Swift_Current America/Edmonton America/Cambridge_Bay ' +
    'America/Inuvik America/Vancouver America/Creston America/Dawson_Creek America/Fort_Nelson ' +
    'America/Whitehorse America/Dawson',
  'CC|Cocos (Keeling) Islands|Indian/Cocos',
  'CD|Congo (Dem. Rep.)|Africa/Kinshasa Africa/Lubumbashi',
  'CF|Central African Rep.|Africa/Bangui',
  'CG|Congo (Rep.)|Africa/Brazzaville',
  'CH|Switzerland|Europe/Zurich',
  'CI|Côte d’Ivoire|Africa/Abidjan',
  'CK|Cook Islands|Pacific/Rarotonga',
  'CL|Chile|America/Santiago America/Coyhaique America/Punta_Arenas Pacific/Easter',
  'CM|Cameroon|Africa/Douala',
  'CN|China|Asia/Shanghai Asia/Urumqi',
  'CO|Colombia|America/Bogota',
  'CR|Costa Rica|America/Costa_Rica',
  'CU|Cuba|America/Havana',
  'CV|Cape Verde|Atlantic/Cape_Verde',
  'CW|Curaçao|America/Curacao',
  'CX|Christmas Island|Indian/Christmas',
  'CY|Cyprus|Asia/Nicosia Asia/Famagusta',
  'CZ|Czech Republic|Europe/Prague',
  'DE|Germany|Europe/Berlin Europe/Busingen',
  'DJ|Djibouti|Africa/Djibouti',
  'DK|Denmark|Europe/Copenhagen',
  'DM|Dominica|America/Dominica',
  'DO|Dominican Republic|America/Santo_Domingo',
  'DZ|Algeria|Africa/Algiers',
  'EC|Ecuador|America/Guayaquil Pacific/Galapagos',
  'EE|Estonia|Europe/Tallinn',
  'EG|Egypt|Africa/Cairo',
  'EH|Western Sahara|Africa/El_Aaiun',
  'ER|Eritrea|Africa/Asmara',
  'ES|Spain|Europe/Madrid Africa/Ceuta Atlantic/Canary',
  'ET|Ethiopia|Africa/Addis_Ababa',
  'FI|Finland|Europe/Helsinki',
  'FJ|Fiji|Pacific/Fiji',
  'FK|Falkland Islands|Atlantic/Stanley',
  'FM|Micronesia|Pacific/Chuuk Pacific/Pohnpei Pacific/Kosrae',
  'FO|Faroe Islands|Atlantic/Faroe',
  'FR|France|Europe/Paris',
  'GA|Gabon|Africa/Libreville',
  'GB|Britain (UK)|Europe/London',
  'GD|Grenada|America/Grenada',
  'GE|Georgia|Asia/Tbilisi',
  'GF|French Guiana|America/Cayenne',
  'GG|Guernsey|Europe/Guernsey',
  'GH|Ghana|Africa/Accra',
  'GI|Gibraltar|Europe/Gibraltar',
  'GL|Greenland|America/Nuuk America/Danmarkshavn America/Scoresbysund America/Thule',
  'GM|Gambia|Africa/Banjul',
  'GN|Guinea|Africa/Conakry',
  'GP|Guadeloupe|America/Guadeloupe',
  'GQ|Equatorial Guinea|Africa/Malabo',
  'GR|Greece|Europe/Athens',
  'GS|South Georgia & the South Sandwich Islands|Atlantic/South_Georgia',
  'GT|Guatemala|America/Guatemala',
  'GU|Guam|Pacific/Guam',
  'GW|Guinea-Bissau|Africa/Bissau',
  'GY|Guyana|America/Guyana',
  'HK|Hong Kong|Asia/Hong_Kong',
  'HM|Heard Island & McDonald Islands|',
  'HN|Honduras|America/Tegucigalpa',
  'HR|Croatia|Europe/Zagreb',
  'HT|Haiti|America/Port-au-Prince',
  'HU|Hungary|Europe/Budapest',
  'ID|Indonesia|Asia/Jakarta Asia/Pontianak Asia/Makassar Asia/Jayapura',
  'IE|Ireland|Europe/Dublin',
  'IL|Israel|Asia/Jerusalem',
  'IM|Isle of Man|Europe/Isle_of_Man',
  'IN|India|Asia/Kolkata',
  'IO|British Indian Ocean Territory|Indian/Chagos',
  'IQ|Iraq|Asia/Baghdad',
  'IR|Iran|Asia/Tehran',
  'IS|Iceland|Atlantic/Reykjavik',
  'IT|Italy|Europe/Rome',
  'JE|Jersey|Europe/Jersey',
  'JM|Jamaica|America/Jamaica',
  'JO|Jordan|Asia/Amman',
  'JP|Japan|Asia/Tokyo',
  'KE|Kenya|Africa/Nairobi',
  'KG|Kyrgyzstan|Asia/Bishkek',
  'KH|Cambodia|Asia/Phnom_Penh',
  'KI|Kiribati|Pacific/Tarawa Pacific/Kanton Pacific/Kiritimati',
  'KM|Comoros|Indian/Comoro',
  'KN|St Kitts & Nevis|America/St_Kitts',
  'KP|Korea (North)|Asia/Pyongyang',
  'KR|Korea (South)|Asia/Seoul',
  'KW|Kuwait|Asia/Kuwait',
  'KY|Cayman Islands|America/Cayman',
  'KZ|Kazakhstan|Asia/Almaty Asia/Qyzylorda Asia/Qostanay Asia/Aqtobe Asia/Aqtau Asia/Atyrau Asia/Oral',
  'LA|Laos|Asia/Vientiane',
  'LB|Lebanon|Asia/Beirut',
  'LC|St Lucia|America/St_Lucia',
  'LI|Liechtenstein|Europe/Vaduz',
  'LK|Sri Lanka|Asia/Colombo',
  'LR|Liberia|Africa/Monrovia',
  'LS|Lesotho|Africa/Maseru',
  'LT|Lithuania|Europe/Vilnius',
  'LU|Luxembourg|Europe/Luxembourg',
  'LV|Latvia|Europe/Riga',
  'LY|Libya|Africa/Tripoli',
  'MA|Morocco|Africa/Casablanca',
  'MC|Monaco|Europe/Monaco',
  'MD|Moldova|Europe/Chisinau',
  'ME|Montenegro|Europe/Podgorica',
  'MF|St Martin (French)|America/Marigot',
  'MG|Madagascar|Indian/Antananarivo',
  'MH|Marshall Islands|Pacific/Majuro Pacific/Kwajalein',
  'MK|North Macedonia|Europe/Skopje',
  'ML|Mali|Africa/Bamako',
  'MM|Myanmar (Burma)|Asia/Yangon',
  'MN|Mongolia|Asia/Ulaanbaatar Asia/Hovd',
  'MO|Macau|Asia/Macau',
  'MP|Northern Mariana Islands|Pacific/Saipan',
  'MQ|Martinique|America/Martinique',
  'MR|Mauritania|Africa/Nouakchott',
  'MS|Montserrat|America/Montserrat',
  'MT|Malta|Europe/Malta',
  'MU|Mauritius|Indian/Mauritius',
  'MV|Maldives|Indian/Maldives',
  'MW|Malawi|Africa/Blantyre',
  'MX|Mexico|America/Mexico_City America/Cancun America/Merida America/Monterrey America/Matamoros ' +
    'America/Chihuahua America/Ciudad_Juarez America/Ojinaga America/Mazatlan America/Bahia_Banderas ' +
    'America/Hermosillo America/Tijuana',
  'MY|Malaysia|Asia/Kuala_Lumpur Asia/Kuching',
  'MZ|Mozambique|Africa/Maputo',
  'NA|Namibia|Africa/Windhoek',
  'NC|New Caledonia|Pacific/Noumea',
  'NE|Niger|Africa/Niamey',
  'NF|Norfolk Island|Pacific/Norfolk',
  'NG|Nigeria|Africa/Lagos',
  'NI|Nicaragua|America/Managua',
  'NL|Netherlands|Europe/Amsterdam',
  'NO|Norway|Europe/Oslo',
  'NP|Nepal|Asia/Kathmandu',
  'NR|Nauru|Pacific/Nauru',
  'NU|Niue|Pacific/Niue',
  'NZ|New Zealand|Pacific/Auckland Pacific/Chatham',
  'OM|Oman|Asia/Muscat',
  'PA|Panama|America/Panama',
  'PE|Peru|America/Lima',
  'PF|French Polynesia|Pacific/Tahiti Pacific/Marquesas Pacific/Gambier',
  'PG|Papua New Guinea|Pacific/Port_Moresby Pacific/Bougainville',
  'PH|Philippines|Asia/Manila',
  'PK|Pakistan|Asia/Karachi',
  'PL|Poland|Europe/Warsaw',
  'PM|St Pierre & Miquelon|America/Miquelon',
  'PN|Pitcairn|Pacific/Pitcairn',
  'PR|Puerto Rico|America/Puerto_Rico',
  'PS|Palestine|Asia/Gaza Asia/Hebron',
  'PT|Portugal|Europe/Lisbon Atlantic/Madeira Atlantic/Azores',
  'PW|Palau|Pacific/Palau',
  'PY|Paraguay|America/Asuncion',
  'QA|Qatar|Asia/Qatar',
  'RE|Réunion|Indian/Reunion',
  'RO|Romania|Europe/Bucharest',
  'RS|Serbia|Europe/Belgrade',
  'RU|Russia|Europe/Kaliningrad Europe/Moscow Europe/Kirov Europe/Volgograd Europe/Astrakhan Europe/Saratov ' +
    'Europe/Ulyanovsk Europe/Samara Asia/Yekaterinburg Asia/Omsk Asia/Novosibirsk Asia/Barnaul Asia/Tomsk ' +
    'Asia/Novokuznetsk Asia/Krasnoyarsk Asia/Irkutsk Asia/Chita Asia/Yakutsk Asia/Khandyga Asia/Vladivostok ' +
    'Asia/Ust-Nera Asia/Magadan Asia/Sakhalin Asia/Srednekolymsk Asia/Kamchatka Asia/Anadyr',
  'RW|Rwanda|Africa/Kigali',
  'SA|Saudi Arabia|Asia/Riyadh',
  'SB|Solomon Islands|Pacific/Guadalcanal',
  'SC|Seychelles|Indian/Mahe',
  'SD|Sudan|Africa/Khartoum',
  'SE|Sweden|Europe/Stockholm',
  'SG|Singapore|Asia/Singapore',
  'SH|St Helena|Atlantic/St_Helena',
  'SI|Slovenia|Europe/Ljubljana',
  'SJ|Svalbard & Jan Mayen|Arctic/Longyearbyen',
  'SK|Slovakia|Europe/Bratislava',
  'SL|Sierra Leone|Africa/Freetown',
  'SM|San Marino|Europe/San_Marino',
  'SN|Senegal|Africa/Dakar',
  'SO|Somalia|Africa/Mogadishu',
  'SR|Suriname|America/Paramaribo',
  'SS|South Sudan|Africa/Juba',
  'ST|Sao Tome & Principe|Africa/Sao_Tome',
  'SV|El Salvador|America/El_Salvador',
  'SX|St Maarten (Dutch)|America/Lower_Princes',
  'SY|Syria|Asia/Damascus',
  'SZ|Eswatini (Swaziland)|Africa/Mbabane',
  'TC|Turks & Caicos Is|America/Grand_Turk',
  'TD|Chad|Africa/Ndjamena',
  'TF|French S. Terr.|Indian/Kerguelen',
  'TG|Togo|Africa/Lome',
  'TH|Thailand|Asia/Bangkok',
  'TJ|Tajikistan|Asia/Dushanbe',
  'TK|Tokelau|Pacific/Fakaofo',
  'TL|East Timor|Asia/Dili',
  'TM|Turkmenistan|Asia/Ashgabat',
  'TN|Tunisia|Africa/Tunis',
  'TO|Tonga|Pacific/Tongatapu',
  'TR|Turkey|Europe/Istanbul',
  'TT|Trinidad & Tobago|America/Port_of_Spain',
  'TV|Tuvalu|Pacific/Funafuti',
  'TW|Taiwan|Asia/Taipei',
  'TZ|Tanzania|Africa/Dar_es_Salaam',
  'UA|Ukraine|Europe/Simferopol Europe/Kyiv',
  'UG|Uganda|Africa/Kampala',
  'UM|US minor outlying islands|Pacific/Midway Pacific/Wake',
  'US|United States|America/New_York America/Detroit America/Kentucky/Louisville America/Kentucky/Monticello ' +
    'America/Indiana/Indianapolis America/Indiana/Vincennes America/Indiana/Winamac America/Indiana/Marengo ' +
    'America/Indiana/Petersburg America/Indiana/Vevay America/Chicago America/Indiana/Tell_City ' +
    'America/Indiana/Knox America/Menominee America/North_Dakota/Center America/North_Dakota/New_Salem ' +
    'America/North_Dakota/Beulah America/Denver America/Boise America/Phoenix America/Los_Angeles ' +
    'America/Anchorage America/Juneau America/Sitka America/Metlakatla America/Yakutat America/Nome America/Adak ' +
    'Pacific/Honolulu',
  'UY|Uruguay|America/Montevideo',
  'UZ|Uzbekistan|Asia/Samarkand Asia/Tashkent',
  'VA|Vatican City|Europe/Vatican',
  'VC|St Vincent|America/St_Vincent',
  'VE|Venezuela|America/Caracas',
  'VG|Virgin Islands (UK)|America/Tortola',
  'VI|Virgin Islands (US)|America/St_Thomas',
  'VN|Vietnam|Asia/Ho_Chi_Minh',
  'VU|Vanuatu|Pacific/Efate',
  'WF|Wallis & Futuna|Pacific/Wallis',
  'WS|Samoa (western)|Pacific/Apia',
  'YE|Yemen|Asia/Aden',
  'YT|Mayotte|Indian/Mayotte',
  'ZA|South Africa|Africa/Johannesburg',
  'ZM|Zambia|Africa/Lusaka',
  'ZW|Zimbabwe|Africa/Harare',
];
