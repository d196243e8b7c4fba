//! Names as Suqian has them, for roads, towns, neighbourhoods and estates.

/// Hands out arterial names: lakes for roads running east and west, avenues and mountains for the others, as in the real city.
#[derive(Default)]
pub struct Arterials {
    across: usize,
    along: usize,
}

const ACROSS: [(&str, &str); 24] = [
    ("洪泽湖路", "Hongzehu Road"),
    ("太湖路", "Taihu Road"),
    ("西湖路", "Xihu Road"),
    ("青海湖路", "Qinghaihu Road"),
    ("骆马湖路", "Luomahu Road"),
    ("微山湖路", "Weishanhu Road"),
    ("洞庭湖路", "Dongtinghu Road"),
    ("鄱阳湖路", "Poyanghu Road"),
    ("玄武湖路", "Xuanwuhu Road"),
    ("巢湖路", "Chaohu Road"),
    ("千岛湖路", "Qiandaohu Road"),
    ("长江路", "Changjiang Road"),
    ("珠江路", "Zhujiang Road"),
    ("嘉陵江路", "Jialingjiang Road"),
    ("钱塘江路", "Qiantangjiang Road"),
    ("富春江路", "Fuchunjiang Road"),
    ("金沙江路", "Jinshajiang Road"),
    ("松花江路", "Songhuajiang Road"),
    ("项王路", "Xiangwang Road"),
    ("西楚大道", "Xichu Avenue"),
    ("通湖大道", "Tonghu Avenue"),
    ("古城路", "Gucheng Road"),
    ("楚街", "Chu Street"),
    ("振兴大道", "Zhenxing Avenue"),
];
const ALONG: [(&str, &str); 24] = [
    ("发展大道", "Fazhan Avenue"),
    ("人民大道", "Renmin Avenue"),
    ("幸福路", "Xingfu Road"),
    ("世纪大道", "Shiji Avenue"),
    ("迎宾大道", "Yingbin Avenue"),
    ("江山大道", "Jiangshan Avenue"),
    ("八一路", "Bayi Road"),
    ("青年路", "Qingnian Road"),
    ("黄山路", "Huangshan Road"),
    ("泰山路", "Taishan Road"),
    ("嵩山路", "Songshan Road"),
    ("衡山路", "Hengshan Road"),
    ("华山路", "Huashan Road"),
    ("恒山路", "Hengshan North Road"),
    ("庐山路", "Lushan Road"),
    ("天目山路", "Tianmushan Road"),
    ("峨眉山路", "Emeishan Road"),
    ("雁荡山路", "Yandangshan Road"),
    ("井冈山路", "Jinggangshan Road"),
    ("平安大道", "Pingan Avenue"),
    ("富民大道", "Fumin Avenue"),
    ("古楚大道", "Guchu Avenue"),
    ("三台山大道", "Santaishan Avenue"),
    ("文昌大道", "Wenchang Avenue"),
];

impl Arterials {
    /// The next name for a road running mostly east and west (`across`) or north and south; numbered when the list is used up.
    pub fn next(&mut self, across: bool) -> (String, String) {
        let (list, n) = if across { (&ACROSS, &mut self.across) } else { (&ALONG, &mut self.along) };
        let (zh, en) = list[*n % list.len()];
        let round = *n / list.len();
        *n += 1;
        if round == 0 {
            (zh.to_owned(), en.to_owned())
        } else {
            (format!("{zh}{}段", ["东", "西", "南", "北"][(round - 1) % 4]), format!("{en} {}", round + 1))
        }
    }
}

const FIRST: [(&str, &str); 40] = [
    ("富康", "Fukang"),
    ("文昌", "Wenchang"),
    ("锦绣", "Jinxiu"),
    ("金桂", "Jingui"),
    ("翠湖", "Cuihu"),
    ("康居", "Kangju"),
    ("滨河", "Binhe"),
    ("楚苑", "Chuyuan"),
    ("紫薇", "Ziwei"),
    ("香樟", "Xiangzhang"),
    ("和谐", "Hexie"),
    ("阳光", "Yangguang"),
    ("凤凰", "Fenghuang"),
    ("丹桂", "Dangui"),
    ("福泽", "Fuze"),
    ("永安", "Yong'an"),
    ("育才", "Yucai"),
    ("建设", "Jianshe"),
    ("团结", "Tuanjie"),
    ("新民", "Xinmin"),
    ("春晖", "Chunhui"),
    ("明珠", "Mingzhu"),
    ("东方", "Dongfang"),
    ("盛世", "Shengshi"),
    ("金鼎", "Jinding"),
    ("兰亭", "Lanting"),
    ("梧桐", "Wutong"),
    ("海棠", "Haitang"),
    ("霸王", "Bawang"),
    ("虞姬", "Yuji"),
    ("下相", "Xiaxiang"),
    ("马陵", "Maling"),
    ("钟吾", "Zhongwu"),
    ("运河", "Yunhe"),
    ("柳堤", "Liudi"),
    ("花园", "Huayuan"),
    ("星辰", "Xingchen"),
    ("恒力", "Hengli"),
    ("水木", "Shuimu"),
    ("龙泉", "Longquan"),
];
const LAST: [(&str, &str); 6] = [("东", "East "), ("西", "West "), ("", ""), ("南", "South "), ("北", "North "), ("中", "Middle ")];

/// A minor street's name; the same number gives the same name.
pub fn street(n: usize) -> (String, String) {
    let (zh, en) = FIRST[n % FIRST.len()];
    let (side_zh, side_en) = LAST[(n / FIRST.len() + 2) % LAST.len()];
    let serial = n / (FIRST.len() * LAST.len());
    let (kind_zh, kind_en) = [("路", "Road"), ("街", "Street"), ("巷", "Lane")][serial % 3];
    (format!("{zh}{side_zh}{kind_zh}"), format!("{en} {side_en}{kind_en}"))
}

/// An estate (小区) name.
pub fn estate(n: usize) -> String {
    let (zh, _) = FIRST[(n * 7 + 3) % FIRST.len()];
    format!("{zh}{}", ["花园", "家园", "小区", "新城", "名都", "华府", "雅居", "公馆"][(n / 5 + n) % 8])
}

/// A neighbourhood (社区) name, unique below 240.
pub fn neighbourhood(n: usize) -> (String, String) {
    let (zh, en) = FIRST[n % FIRST.len()];
    let (side_zh, side_en) = LAST[(n / FIRST.len() + 2) % LAST.len()];
    (format!("{zh}{side_zh}社区"), format!("{en} {side_en}Community"))
}

/// A farming village, unique below 64.
pub fn village(n: usize) -> (String, String) {
    const CLAN: [(&str, &str); 8] =
        [("张", "Zhang"), ("王", "Wang"), ("李", "Li"), ("蔡", "Cai"), ("陆", "Lu"), ("朱", "Zhu"), ("徐", "Xu"), ("叶", "Ye")];
    const PLACE: [(&str, &str); 8] =
        [("庄", "zhuang"), ("圩", "wei"), ("楼", "lou"), ("湾", "wan"), ("桥", "qiao"), ("集", "ji"), ("营", "ying"), ("场", "chang")];
    let ((a, a_en), (b, b_en)) = (CLAN[n % 8], PLACE[(n / 8 + n) % 8]);
    (format!("{a}{b}村"), format!("{a_en}{b_en} Village"))
}

/// A city, town or village by its number of buildings; names come again, as they do in a country.
pub fn settlement(n: usize, buildings: usize) -> (String, String) {
    if buildings <= 700 {
        return village(n);
    }
    let (zh, en) = FIRST[(n * 7 + 3) % FIRST.len()];
    let (kind_zh, kind_en) = if buildings > 5_000 { ("市", "City") } else { ("镇", "Town") };
    (format!("{zh}{kind_zh}"), format!("{en} {kind_en}"))
}
