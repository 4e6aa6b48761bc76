"""Word tables for slots: occupations, relatives, animals, countries, and exceptions. Lower case.

A missing word leaves a slot empty, a wrong one fills it incorrectly. Therefore only words that are unambiguous after
"is a", "'s" or "lives in" are listed.
"""

from __future__ import annotations

_OCCUPATIONS = """
accountant actor actress analyst anthropologist archaeologist architect archivist astronaut astronomer attorney
auditor baker banker barber barista bartender biochemist biologist blacksmith bookkeeper botanist bricklayer butcher
carpenter cardiologist cashier chemist chiropractor choreographer cinematographer columnist composer consultant
copywriter counsellor counselor curator dentist dermatologist designer detective developer dietitian diplomat
doctor ecologist economist editor electrician engineer entomologist farmer firefighter fisherman florist gardener
geographer geologist goldsmith hairdresser historian illustrator interpreter janitor jeweller jeweler journalist
judge lawyer lecturer librarian linguist locksmith machinist manager mathematician mechanic meteorologist midwife
miner musician neurologist neuroscientist notary novelist nurse nutritionist optician optometrist painter paralegal
paramedic pathologist pediatrician paediatrician pharmacist philosopher photographer physician physicist
physiotherapist pianist pilot playwright plumber poet policeman policewoman postman potter producer professor
programmer psychiatrist psychologist psychotherapist pharmacologist radiographer radiologist realtor receptionist
recruiter reporter researcher sailor scientist sculptor seamstress secretary sociologist sociolinguist statistician
stonemason surgeon surveyor tailor teacher technician therapist toxicologist translator tutor upholsterer
veterinarian vet videographer violinist waiter waitress welder woodworker zoologist
"""
OCCUPATIONS = frozenset(_OCCUPATIONS.split())

_NOT_AT_WORK = """
retired former ex aspiring future wannabe would-be trained qualified failed bad good great terrible horrible better
born natural big real proper true typical certified fake part hopeful unemployed
"""
NOT_AT_WORK = frozenset(_NOT_AT_WORK.split())
"""Words before an occupation that make it past, future, or praise."""

SPECIES = frozenset(["dog", "cat", "rabbit", "hamster", "parrot", "horse", "puppy", "kitten", "bird", "tortoise"])
PLURAL_SPECIES = {f"{each}s": each for each in SPECIES - {"puppy"}} | {"puppies": "puppy"}

_ONE = "wife husband spouse partner girlfriend boyfriend fiancé fiancée fiance fiancee mother father mom mum dad boss"
_MANY = """
sister brother son daughter aunt uncle cousin nephew niece grandmother grandfather grandma grandpa granddaughter
grandson friend colleague neighbour neighbor roommate flatmate therapist doctor
"""
ONE_RELATION = frozenset(_ONE.split())
"""Relations to one person at a time: a new name replaces the old one."""
RELATIONS = ONE_RELATION | frozenset(_MANY.split())

_WIDE = """
afghanistan|albania|algeria|andorra|angola|argentina|armenia|australia|austria|azerbaijan|bahrain|bangladesh|barbados
belarus|belgium|belize|benin|bhutan|bolivia|botswana|brazil|brunei|bulgaria|burundi|cambodia|cameroon|canada|chad|chile
china|colombia|costa rica|croatia|cuba|cyprus|czechia|czech republic|denmark|djibouti|dominican republic|ecuador|egypt
el salvador|england|eritrea|estonia|eswatini|ethiopia|fiji|finland|france|gabon|gambia|georgia|germany|ghana|greece
grenada|guatemala|guinea|guyana|haiti|honduras|hong kong|hungary|iceland|india|indonesia|iran|iraq|ireland|israel|italy
ivory coast|jamaica|japan|jordan|kazakhstan|kenya|kosovo|kuwait|kyrgyzstan|laos|latvia|lebanon|lesotho|liberia|libya
liechtenstein|lithuania|luxembourg|madagascar|malawi|malaysia|maldives|mali|malta|mauritania|mauritius|mexico|moldova
mongolia|montenegro|morocco|mozambique|myanmar|namibia|nepal|netherlands|holland|new zealand|nicaragua|niger|nigeria
north macedonia|northern ireland|norway|oman|pakistan|palestine|panama|paraguay|peru|philippines|poland|portugal|qatar
romania|russia|rwanda|samoa|saudi arabia|scotland|senegal|serbia|seychelles|sierra leone|slovakia|slovenia|somalia
south africa|south korea|korea|south sudan|spain|sri lanka|sudan|suriname|sweden|switzerland|syria|taiwan|tajikistan
tanzania|thailand|togo|tonga|tunisia|turkey|türkiye|turkmenistan|uganda|ukraine|uae|united arab emirates|uk
united kingdom|great britain|britain|us|usa|united states|united states of america|america|uruguay|uzbekistan|vanuatu
venezuela|vietnam|wales|yemen|zambia|zimbabwe|europe|asia|africa|south america|north america
alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|hawaii|idaho|illinois|indiana|iowa
kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada
new hampshire|new jersey|new mexico|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island
south carolina|south dakota|tennessee|texas|utah|vermont|virginia|west virginia|wisconsin|wyoming|bavaria|catalonia
andalusia|tuscany|sicily|brittany|normandy|provence|saxony|ontario|quebec|british columbia|alberta
"""
WIDE_AREAS = frozenset(area for line in _WIDE.split("\n") for area in line.split("|") if area)
"""Areas that contain towns, so that living in both is not a contradiction."""

_NOT_PLACES = """
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
october november december christmas easter english french german spanish portuguese italian japanese chinese korean
russian arabic dutch linux windows macos mac android ios ubuntu debian fedora arch python rust java javascript
typescript kotlin swift ruby go golang vim neovim emacs docker kubernetes postgres postgresql mysql sqlite mongodb redis
aws azure gcp google microsoft apple amazon meta facebook netflix twitter mastodon bluesky slack discord teams zoom
signal telegram whatsapp notion obsidian jira linear figma spotify chrome firefox safari github gitlab bitbucket react
vue angular svelte django flask siemens bosch tesla ibm oracle intel nvidia openai anthropic plan phase stage step
level team department bank university school inc ltd corp company god heaven mars
"""
NOT_PLACES = frozenset(_NOT_PLACES.split())
"""Capitalised words after "moves to" that are not places."""

_ORIGINS = """
american argentinian australian austrian belgian brazilian british bulgarian canadian chilean chinese colombian
croatian cuban czech danish dutch egyptian english estonian ethiopian european filipino finnish french german greek
hungarian icelandic indian indonesian iranian iraqi irish israeli italian jamaican japanese kenyan korean latvian
lebanese lithuanian mexican moroccan nigerian norwegian pakistani persian peruvian polish portuguese romanian russian
scottish serbian slovak slovenian spanish swedish swiss syrian taiwanese thai tunisian turkish ukrainian vietnamese
welsh catholic christian muslim jewish buddhist hindu protestant republican
"""
NOT_NAMES = frozenset(_ORIGINS.split()) | frozenset(
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march"]
)
"""Capitalised words after "is" that are attributes or times, not names."""

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_INSTRUCTION_VERBS = """
add address advise answer apologise apologize ask assume avoid be book bring bother call check cite comment confirm
contact correct create delete describe email end enter explain fetch finish fix follow format generate give greet
ignore include interrupt introduce invite keep leave let limit list make mention message name notify offer open order
phone pick prefer print propose provide put quote read recommend refer remember remind repeat reply report respond
return round say schedule search send share show sign skip speak start state stick store suggest summarise summarize
talk tell text translate treat try update use wake wait warn write
"""
INSTRUCTION_VERBS = frozenset(_INSTRUCTION_VERBS.split())
